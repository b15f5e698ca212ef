// Broken sockets, a server that dies and comes back, a page that is loaded again.

import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { Server, World, pages, refused, texts, until } from './harness.mjs';

let home, server, w;
before(async () => {
  home = fs.mkdtempSync(path.join(os.tmpdir(), 'hobnob-reconnect-'));
  server = await Server.start(process.env.HOBNOB_BIN, path.join(home, 'data'));
  w = await World.open(server);
});
after(async () => {
  w?.close();
  await server?.stop();
  fs.rmSync(home, { recursive: true, force: true });
});

const missed = (device, uid, id) =>
  pages(new device.client.MessagesRequestBuilder().setUID(uid).setMessageId(id).setLimit(2).build()).then((all) => texts(all.flat()));

test('a device whose network was away reconnects and fetches what it missed', async () => {
  const [ann, bob] = [await w.device('ann'), await w.device('bob')];
  const last = await ann.say('bob', 'before');
  await bob.expect('onTextMessageReceived', (m) => m.getText() === 'before');

  bob.cut();
  await bob.expect('onDisconnected');
  assert.equal(bob.sdk.getConnectionStatus(), 'disconnected');
  for (const text of ['one', 'two', 'three', 'four', 'five']) await ann.say('bob', text);

  bob.mend();
  await bob.expect('inConnecting', () => true, 10000);
  await bob.expect('onConnected', () => true, 10000);
  await bob.online(2);
  assert.deepEqual(await missed(bob, 'ann', last.getId()), ['one', 'two', 'three', 'four', 'five']);

  await ann.say('bob', 'and live again');
  const [next] = await bob.expect('onTextMessageReceived');
  assert.equal(next.getText(), 'and live again', 'nothing is replayed over the socket');
});

test('the server is killed: what it had acknowledged is there when it is back', async () => {
  const [ann, bob] = [await w.device('ann'), await w.device('bob')];
  const first = await ann.say('bob', 'start');
  await bob.expect('onTextMessageReceived', (m) => m.getText() === 'start');
  const accepted = [ann.accepted, bob.accepted];

  const sent = [];
  for (let n = 0; n < 20; n++) sent.push(`acknowledged ${n}`);
  const acknowledged = sent.map((text) => ann.say('bob', text));
  await Promise.all(acknowledged);
  await server.kill();
  await Promise.all([ann, bob].map((device) => device.expect('onDisconnected')));
  await assert.rejects(ann.say('bob', 'into the void'));

  await server.up();
  await Promise.all([ann.online(accepted[0] + 1), bob.online(accepted[1] + 1)]);
  assert.equal(bob.sdk.getConnectionStatus(), 'connected');
  assert.deepEqual((await missed(bob, 'ann', first.getId())).sort(), [...sent].sort());

  w.forget(ann, bob);
  await ann.say('bob', 'alive');
  await bob.expect('onTextMessageReceived', (m) => m.getText() === 'alive');
  await bob.say('ann', 'me too');
  await ann.expect('onTextMessageReceived', (m) => m.getText() === 'me too');
});

test('messages get higher ids after a restart than before', async () => {
  const ann = await w.device('ann');
  const before = await ann.say('bob', 'before');
  await server.stop();
  await server.up();
  await ann.online(2);
  const then = await ann.say('bob', 'after');
  assert.ok(Number(then.getId()) > Number(before.getId()));
  assert.ok(then.getSentAt() >= before.getSentAt());
});

test('a socket that broke does not swallow presence', async () => {
  const [ann, cleo] = [await w.device('ann'), await w.device('cleo')];
  w.forget(ann);
  cleo.cut();
  await ann.expect('onUserOffline', (user) => user.getUid() === 'cleo');
  cleo.mend();
  await ann.expect('onUserOnline', (user) => user.getUid() === 'cleo', 10000);
});

test('a page that is loaded again is still logged in, without asking', async () => {
  const [first, bob] = [await w.device('ann'), await w.device('bob')];
  const { session } = first;
  const ann = await first.reload();
  await ann.online();
  assert.equal((await ann.sdk.getLoggedinUser()).getUid(), 'ann');
  assert.equal(ann.session, session, 'the tab keeps its session id');
  assert.deepEqual(ann.requests.filter((r) => !r.path.includes('user_sessions')), [], 'the stored token, jwt and settings do');

  await bob.say('ann', 'welcome back');
  await ann.expect('onTextMessageReceived', (m) => m.getText() === 'welcome back');
  await ann.say('bob', 'thanks');
  await bob.expect('onTextMessageReceived', (m) => m.getText() === 'thanks');
  await w.quiet(ann);
});

test('a page loaded again after the server was restarted', async () => {
  const first = await w.device('ann');
  await server.kill();
  await server.up();
  const ann = await first.reload();
  await ann.online();
  assert.equal((await ann.sdk.getUser('bob')).getUid(), 'bob');
});

test('a forged jwt is refused on the socket', async () => {
  const [first, bob] = [await w.device('ann'), await w.device('bob')];
  let forged = false;
  const ann = await first.reload({
    before: (store) => {
      for (const [key, value] of store.entries()) {
        const changed = value.replace(/(jwt\\?":\\?"[\w-]+\.[\w-]+\.)(.)/, (_, head, first) => head + (first === 'A' ? 'B' : 'A'));
        if (changed !== value) forged = true;
        store.setItem(key, changed);
      }
    },
  });
  assert.ok(forged, 'there was a signed jwt in the store');
  const socket = await until('a socket', () => ann.sockets[0]);
  await until('refused', () => socket.answer);
  assert.notEqual(socket.answer.code, '200');
  await until('closed by the server', () => socket.closedWith !== undefined);
  await bob.say('ann', 'secret');
  await w.fence(bob);
  assert.equal(ann.accepted, 0);
  assert.deepEqual(ann.heard.filter((e) => e.name === 'onTextMessageReceived'), []);
});

test('a page loaded again after its token was revoked', async () => {
  await w.user('zoe');
  const { authToken } = await w.api('POST', 'users/zoe/auth_tokens', { force: true });
  const first = await w.blank('zoe');
  await first.sdk.login(authToken);
  await first.online();
  first.cut();
  await w.api('DELETE', `users/zoe/auth_tokens/${authToken}`);
  const zoe = await first.reload();
  const socket = await until('a socket', () => zoe.sockets[0]);
  await until('refused', () => socket.answer);
  assert.notEqual(socket.answer.code, '200');
  await refused(zoe.sdk.getUser('ann'), 'AUTH_ERR_AUTH_TOKEN_NOT_FOUND');
  await zoe.expect('logoutSuccess');
});
