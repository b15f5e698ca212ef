// What lasts: two tabs of one browser, a server that is stopped while everybody talks, a login that ends under one's hands.
// Nothing is lost, nothing comes twice, and whoever is out hears nothing.

import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { Server, World, pages, refused, texts, until } from './harness.mjs';
import { tabs } from './page.mjs';

let home, server, w;
before(async () => {
  home = fs.mkdtempSync(path.join(os.tmpdir(), 'hobnob-lasting-'));
  server = await Server.start(process.env.HOBNOB_BIN, path.join(home, 'data'));
  w = await World.open(server);
});
after(async () => {
  w?.close();
  await server?.stop();
  fs.rmSync(home, { recursive: true, force: true });
});

/** Two tabs of one browser, the second opened while the first is logged in. */
async function twoTabs(uid) {
  const stores = tabs(2);
  const one = await w.device(uid, { localStorage: stores[0] });
  const two = await w.blank(`${uid} (second tab)`, { localStorage: stores[1] });
  for (const [at, tab] of [one, two].entries()) stores[at].hear = (event) => tab.page.tell('storage', event);
  await two.online();
  return [one, two];
}

test('a second tab is logged in by the first, and each hears everything once', async () => {
  const bob = await w.device('bob');
  const [one, two] = await twoTabs('ann');
  assert.equal((await two.sdk.getLoggedinUser()).getUid(), 'ann');
  assert.notEqual(one.session, two.session);
  assert.deepEqual(two.requests.filter((r) => r.path.includes('auth_tokens')), [], 'it asked for no login of its own');
  w.forget(one, two, bob);

  await bob.say('ann', 'to both');
  for (const tab of [one, two]) await tab.expect('onTextMessageReceived', (m) => m.getText() === 'to both');
  await one.say('bob', 'from the first');
  await two.expect('onTextMessageReceived', (m) => m.getText() === 'from the first');
  await bob.expect('onTextMessageReceived', (m) => m.getText() === 'from the first');
  await w.quiet(one, two, bob);
});

test('a logout in one tab ends the other as well', async () => {
  const bob = await w.device('bob');
  const [one, two] = await twoTabs('cleo');
  await one.sdk.logout();
  await until('the second tab is logged out', async () => (await two.sdk.getLoggedinUser()) === null);
  await until('its socket is closed', () => two.sockets.every((socket) => socket.readyState === 3));
  w.forget(one, two);
  await bob.say('cleo', 'anybody there?');
  await w.fence(bob);
  for (const tab of [one, two]) assert.deepEqual(tab.unclaimed(), []);
});

test('the server is restarted while everybody talks: each message is there once, in one order', async () => {
  const [ann, bob] = [await w.device('ann'), await w.device('bob')];
  const first = await ann.say('bob', 'before the load');
  await bob.expect('onTextMessageReceived', (m) => m.getText() === 'before the load');
  w.forget(bob);
  const most = 120;
  const said = new Map();
  let next = 0;

  /** Says one after the other, and again what had no answer, as an app that keeps what it could not send. */
  const talk = async () => {
    for (let n = next++; n < most; n = next++) {
      const text = `load ${n}`;
      await until(`${text} is answered`, async () => {
        const sent = await ann.say('bob', text, { muid: `load-${n}` }).catch(() => undefined);
        if (sent) said.set(text, Number(sent.getId()));
        return sent;
      }, 60000);
    }
  };
  const talking = Promise.all(Array.from({ length: 4 }, talk));
  await until('a third is said', () => said.size > most / 3, 60000);
  await server.stop();
  await server.up();
  await until('two thirds are said', () => said.size > (2 * most) / 3, 60000);
  await server.kill();
  await server.up();
  await talking;
  assert.equal(said.size, most);
  for (const device of [ann, bob]) await until(`${device.label} is back`, () => device.connected && device.sockets.at(-1).answer, 60000);

  const request = new bob.client.MessagesRequestBuilder().setUID('ann').setMessageId(first.getId()).setLimit(50).build();
  const history = (await pages(request)).flat();
  assert.deepEqual(texts(history).sort(), [...said.keys()].sort(), 'nothing is lost, nothing is there twice');
  const ids = history.map((message) => Number(message.getId()));
  assert.deepEqual(ids, [...ids].sort((a, b) => a - b));
  for (const message of history) assert.equal(Number(message.getId()), said.get(message.getText()), 'a retry was answered with the first');

  await w.fence(bob);
  const heard = bob.heard.filter((e) => e.name === 'onTextMessageReceived').map((e) => Number(e.args[0].getId()));
  assert.deepEqual(heard, [...new Set(heard)].sort((a, b) => a - b), 'what was heard live came once and in order');
  assert.deepEqual(bob.unclaimed().filter((name) => name !== 'onTextMessageReceived'), []);
});

test('a token revoked under a connected device: it hears nothing more, and others go on', async () => {
  await w.user('eve');
  const { authToken } = await w.api('POST', 'users/eve/auth_tokens', { force: true });
  const [out, stays, bob] = [await w.blank('eve'), await w.device('eve'), await w.device('bob')];
  await out.sdk.login(authToken);
  await out.online();
  w.forget(out, stays);

  await bob.say('eve', 'to both');
  for (const device of [out, stays]) await device.expect('onTextMessageReceived', (m) => m.getText() === 'to both');
  await w.api('DELETE', `users/eve/auth_tokens/${authToken}`);
  await until('its socket is closed', () => out.sockets[0].readyState === 3);
  await bob.say('eve', 'to one');
  await stays.expect('onTextMessageReceived', (m) => m.getText() === 'to one');
  // It tries again with what it has, and is refused each time.
  await until('refused again', () => out.sockets.slice(1).some((socket) => socket.answer), 60000);
  assert.ok(out.sockets.slice(1).every((socket) => socket.answer?.code !== '200'));
  assert.ok(!out.unclaimed().includes('onTextMessageReceived'), 'nothing of what was said afterwards');
  await refused(out.sdk.getUser('bob'), 'AUTH_ERR_AUTH_TOKEN_NOT_FOUND');
  await out.expect('logoutSuccess');
  await w.quiet(stays);
});
