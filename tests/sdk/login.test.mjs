// Setting up, logging in and out, and what a device remembers of it.

import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { Server, World, refused, until } from './harness.mjs';
import { storage } from './page.mjs';

let w;
before(async () => {
  w = await World.open();
});
after(() => w?.close());

const mintToken = async (uid) => (await w.api('POST', `users/${uid}/auth_tokens`, { force: true })).authToken;

test('setting up asks the server nothing', async () => {
  const device = await w.blank();
  assert.equal(device.sdk.isInitialized(), true);
  assert.equal(await device.sdk.getLoggedinUser(), null);
  assert.deepEqual(device.requests, []);
  assert.match(device.session, /^WEB-4_2_0-/);
});

test('login with the auth key', async () => {
  await w.user('ann', { avatar: 'https://app.example/ann.png' });
  const device = await w.blank('ann');
  const user = await device.sdk.login('ann', w.app.authKey);
  assert.equal(user.getUid(), 'ann');
  assert.equal(user.getName(), 'Ann');
  assert.equal(user.getAvatar(), 'https://app.example/ann.png');
  assert.equal(user.getRole(), 'default');
  const [told] = await device.expect('loginSuccess');
  assert.equal(told.getUid(), 'ann');
  await device.online();
  assert.equal(device.sdk.getConnectionStatus(), 'connected');
  assert.equal((await device.sdk.getLoggedinUser()).getUid(), 'ann');

  const [mint, details, ...rest] = device.requests;
  assert.equal(`${mint.method} ${mint.path}`, 'POST /v3/users/ann/auth_tokens');
  assert.equal(`${details.method} ${details.path}`, 'PUT /v3/me');
  assert.deepEqual(rest, [], 'nothing more is needed to be in');
  const { data } = JSON.parse(details.answer);
  assert.equal(data.authToken, JSON.parse(mint.answer).data.authToken, 'the very token of the request comes back');
  assert.ok(data.jwt && data.settings.CHAT_HOST && data.settings.CLIENT_API_HOST && data.settings.ADMIN_API_HOST);
});

test('a second login of the same user is answered without the server', async () => {
  const device = await w.device('ann');
  const asked = device.requests.length;
  assert.equal((await device.sdk.login('ann', w.app.authKey)).getUid(), 'ann');
  assert.equal(device.requests.length, asked);
});

test('login with a token made by the back end', async () => {
  await w.user('bob');
  const token = await mintToken('bob');
  const device = await w.blank('bob');
  const user = await device.sdk.login(token);
  assert.equal(user.getUid(), 'bob');
  await device.expect('loginSuccess');
  await device.online();
  assert.deepEqual(device.requests.map((r) => `${r.method} ${r.path}`), ['PUT /v3/me'], 'one call, with the token as it is');
  assert.equal(JSON.parse(device.requests[0].answer).data.authToken, token);
});

for (const prefix of ['', '/v3', '/v3.0']) {
  test(`a client pointed at the host with "${prefix}" logs in and goes on where the settings say`, async () => {
    const device = await w.device('ann', { host: w.server.https + prefix });
    assert.equal((await device.sdk.getUser('ann')).getUid(), 'ann');
    assert.match(device.requests.at(-1).path, /^\/v3\.0\/users\/ann/, 'later calls carry the version of the settings');
    assert.deepEqual(device.foreign, []);
  });
}

test('wrong auth key', async () => {
  const device = await w.blank();
  await refused(device.sdk.login('ann', 'f'.repeat(40)), 'AUTH_ERR_APIKEY_NOT_FOUND');
  const [error] = await device.expect('loginFailure');
  assert.ok(error, 'the login listener is told why');
  assert.equal(await device.sdk.getLoggedinUser(), null);
  assert.equal(device.sockets.length, 0, 'no socket is tried');
  await device.sdk.login('ann', w.app.authKey);
  await device.online();
});

test('a user who does not exist', async () => {
  const device = await w.blank();
  await refused(device.sdk.login('nobody', w.app.authKey), 'ERR_UID_NOT_FOUND');
  assert.equal(await device.sdk.getLoggedinUser(), null);
});

test('a token that was never made', async () => {
  const device = await w.blank();
  await refused(device.sdk.login(`ann_1795000000${'0'.repeat(40)}`), 'AUTH_ERR_AUTH_TOKEN_NOT_FOUND');
});

test('an app that does not exist', async () => {
  const { app } = w;
  w.app = { ...app, appId: `${app.appId}x` };
  try {
    const device = await w.blank();
    await refused(device.sdk.login('ann', app.authKey), 'AUTH_ERR_INVALID_APPID');
  } finally {
    w.app = app;
  }
});

test('the key of one app opens nothing in another', async () => {
  const home = fs.mkdtempSync(path.join(os.tmpdir(), 'hobnob-apps-'));
  const server = await Server.start(process.env.HOBNOB_BIN, path.join(home, 'data'));
  const [one, other] = [await World.open(server), await World.open(server)];
  try {
    await other.user('ann');
    const device = await other.blank();
    await refused(device.sdk.login('ann', one.app.authKey), 'AUTH_ERR_APIKEY_NOT_FOUND', 'AUTH_ERR_INVALID_APPID');
  } finally {
    other.close();
    await server.stop();
    fs.rmSync(home, { recursive: true, force: true });
  }
});

test('the client creates and changes users with the auth key, and stays who it is', async () => {
  const device = await w.device('ann');
  const fresh = new device.client.User('newby');
  fresh.setName('New By');
  const created = await device.sdk.createUser(fresh, w.app.authKey);
  assert.equal(created.getUid(), 'newby');
  assert.equal(created.getName(), 'New By');
  await refused(device.sdk.createUser(fresh, w.app.authKey), 'ERR_UID_ALREADY_EXISTS');

  const change = new device.client.User('newby');
  change.setName('Renamed');
  change.setStatusMessage('here');
  change.setMetadata({ team: 'red' });
  const updated = await device.sdk.updateUser(change, w.app.authKey);
  assert.equal(updated.getName(), 'Renamed');
  assert.equal(updated.getStatusMessage(), 'here');
  assert.deepEqual(updated.getMetadata(), { team: 'red' });
  assert.equal((await device.sdk.getUser('newby')).getName(), 'Renamed');

  const sent = await device.say('newby', 'who am I');
  assert.equal(sent.getSender().getUid(), 'ann', 'no answer swapped the caller for someone else');
});

test('one\'s own details change and the session lives on', async () => {
  const device = await w.device('dora');
  const change = new device.client.User('dora');
  change.setName('Dora the Second');
  change.setMetadata({ seen: true });
  const me = await device.sdk.updateCurrentUserDetails(change);
  assert.equal(me.getName(), 'Dora the Second');
  assert.equal((await device.sdk.getUser('dora')).getName(), 'Dora the Second');
  const again = await device.reload();
  await again.online();
  assert.equal((await again.sdk.getLoggedinUser()).getName(), 'Dora the Second');
  assert.equal((await again.sdk.getUser('ann')).getUid(), 'ann', 'the token is still there and good');
});

test('the settings are served and understood', async () => {
  const device = await w.device('ann');
  const settings = await device.sdk.getAppSettings();
  for (const key of ['CHAT_HOST', 'CHAT_WSS_PORT', 'CLIENT_API_HOST', 'ADMIN_API_HOST', 'CHAT_API_VERSION']) assert.ok(settings[key], key);
  assert.equal(settings.CHAT_API_VERSION, 'v3.0');
  assert.ok(settings.APP_VERSION === 3 || settings.APP_VERSION >= 4);
  assert.equal(await device.sdk.isExtensionEnabled('polls'), true);
  assert.equal(await device.sdk.isExtensionEnabled('no-such-extension'), false);
  assert.equal(await device.sdk.isFeatureEnabled('no.such.feature'), false);
  assert.ok((await device.sdk.getMaxAttachmentCount()) >= 1);
  assert.ok(await device.sdk.getConversationUpdateSettings());
});

test('the client reports its session once', async () => {
  const device = await w.device('ann');
  const report = await until('session report', () => device.requests.find((r) => r.path.includes('user_sessions') && r.answer));
  assert.equal(JSON.parse(report.answer).data.sessionId, JSON.parse(report.body).sessionId, 'the id comes back, so it is not sent again');
});

test('the heartbeat is answered', async () => {
  const device = await w.device('ann');
  await until('two pongs', () => device.frames.filter((f) => f.way === 'in ' && f.text.includes('"pong"')).length >= 2);
  assert.equal(device.sdk.getConnectionStatus(), 'connected');
  assert.equal(device.accepted, 1, 'on the same socket all along');
});

test('a device that connects later, by itself', async () => {
  const device = await w.blank('ann', { autoConnect: false });
  await device.sdk.login('ann', w.app.authKey);
  assert.equal(device.sockets.length, 0);
  device.sdk.connect();
  await device.online();
  const bob = await w.device('bob');
  await bob.say('ann', 'there you are');
  await device.expect('onTextMessageReceived', (m) => m.getText() === 'there you are');
  device.sdk.disconnect();
  await until('closed', () => device.sockets[0].readyState === 3);
});

test('logout ends this device and no other', async () => {
  const bob = await w.device('bob');
  const leaving = await w.device('ann');
  const staying = await w.device('ann');
  const token = JSON.parse(leaving.requests[0].answer).data.authToken;
  assert.ok(token);

  await leaving.sdk.logout();
  await leaving.expect('logoutSuccess');
  assert.equal(await leaving.sdk.getLoggedinUser(), null);
  await until('socket closed', () => leaving.sockets[0].readyState === 3);

  const thief = await w.blank();
  await refused(thief.sdk.login(token), 'AUTH_ERR_AUTH_TOKEN_NOT_FOUND');

  await bob.say('ann', 'still with us?');
  await staying.expect('onTextMessageReceived', (m) => m.getText() === 'still with us?');
  assert.equal((await staying.sdk.getUser('bob')).getUid(), 'bob');
  await w.fence(staying);
  assert.deepEqual(leaving.heard.filter((e) => e.name === 'onTextMessageReceived'), []);
});

test('after a logout someone else may use the device', async () => {
  const device = await w.device('ann');
  await device.sdk.logout();
  await w.user('bob');
  assert.equal((await device.sdk.login('bob', w.app.authKey)).getUid(), 'bob');
  await device.online(2);
  const carl = await w.device('carl');
  await carl.say('ann', 'not for you');
  await carl.say('bob', 'for you');
  const [heard] = await device.expect('onTextMessageReceived');
  assert.equal(heard.getText(), 'for you');
});

test('a token the back end revokes logs its device out', async () => {
  await w.user('eve');
  const token = await mintToken('eve');
  const device = await w.blank('eve');
  await device.sdk.login(token);
  await device.online();
  await w.api('DELETE', `users/eve/auth_tokens/${token}`);
  await refused(device.sdk.getUser('ann'), 'AUTH_ERR_AUTH_TOKEN_NOT_FOUND');
  await device.expect('logoutSuccess');
  assert.equal(await device.sdk.getLoggedinUser(), null);
  await until('socket closed', () => device.sockets[0].readyState === 3);
});

test('stores of different devices do not mix', async () => {
  const localStorage = storage();
  const one = await w.device('ann', { localStorage });
  const other = await w.device('ann');
  assert.ok(localStorage.length > 0);
  assert.notEqual(one.session, other.session);
});
