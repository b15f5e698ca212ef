// What is only of the moment: typing, receipts, presence, transient messages.

import { after, before, beforeEach, test } from 'node:test';
import assert from 'node:assert/strict';
import { World, refused, until } from './harness.mjs';

let w, ann, ann2, bob, bob2, cy;
before(async () => {
  w = await World.open();
  [ann, ann2, bob, bob2, cy] = [await w.device('ann'), await w.device('ann'), await w.device('bob'), await w.device('bob'), await w.device('cy')];
  const room = new ann.client.Group('room', 'Room', 'public');
  await ann.sdk.createGroup(room);
  await bob.sdk.joinGroup('room', 'public');
  await w.fence(ann, ann2, bob, bob2, cy);
});
beforeEach(() => w.fresh(ann, ann2, bob, bob2, cy));
after(() => w?.close());

/** Ephemeral frames are fenced by an ephemeral frame from the same socket: what came before it has been dealt with. */
async function fenceFrom(device, ...ears) {
  const data = { fence: Math.random() };
  for (const uid of new Set(ears.map((ear) => ear.uid))) device.sdk.sendTransientMessage(new device.client.TransientMessage(uid, 'user', data));
  for (const ear of ears) await ear.expect('onTransientMessageReceived', (m) => m.getData().fence === data.fence);
}

test('typing to a user', async () => {
  const typing = new ann.client.TypingIndicator('bob', 'user', { draft: 1 });
  ann.sdk.startTyping(typing);
  for (const device of [bob, bob2]) {
    const [heard] = await device.expect('onTypingStarted');
    assert.equal(heard.getSender().getUid(), 'ann');
    assert.equal(heard.getSender().getName(), 'Ann');
    assert.equal(heard.getReceiverId(), 'bob');
    assert.equal(heard.getReceiverType(), 'user');
    assert.deepEqual(heard.getMetadata(), { draft: 1 });
  }
  ann.sdk.endTyping(typing);
  for (const device of [bob, bob2]) assert.equal((await device.expect('onTypingEnded'))[0].getSender().getUid(), 'ann');
  await fenceFrom(ann, bob, cy);
  assert.deepEqual(cy.unclaimed(), [], 'nobody else hears it');
  assert.deepEqual(ann.unclaimed(), []);
});

test('typing given as a plain object', async () => {
  const typing = { receiverId: 'bob', receiverType: 'user' };
  ann.sdk.startTyping(typing);
  await bob.expect('onTypingStarted');
  ann.sdk.endTyping(typing);
  await bob.expect('onTypingEnded');
});

test('typing to a group reaches its other members only', async () => {
  const typing = new bob.client.TypingIndicator('room', 'group');
  bob.sdk.startTyping(typing);
  for (const device of [ann, ann2]) {
    const [heard] = await device.expect('onTypingStarted');
    assert.equal(heard.getSender().getUid(), 'bob');
    assert.equal(heard.getReceiverId(), 'room');
    assert.equal(heard.getReceiverType(), 'group');
  }
  bob.sdk.endTyping(typing);
  await ann.expect('onTypingEnded');
  await fenceFrom(bob, cy);
  assert.deepEqual(cy.unclaimed(), []);
  assert.deepEqual(bob.unclaimed(), []);
});

test('typing of an outsider reaches nobody', async () => {
  cy.sdk.startTyping(new cy.client.TypingIndicator('room', 'group'));
  await fenceFrom(cy, ann, bob);
  assert.deepEqual(ann.unclaimed(), []);
  assert.deepEqual(bob.unclaimed(), []);
  await ann.say('cy', 'still here?');
  await cy.expect('onTextMessageReceived');
  assert.equal(cy.accepted, 1, 'and does not cost him his socket');
});

test('a transient message to a user and to a group', async () => {
  ann.sdk.sendTransientMessage(new ann.client.TransientMessage('bob', 'user', { wave: '👋', deep: { n: [1] } }));
  for (const device of [bob, bob2]) {
    const [heard] = await device.expect('onTransientMessageReceived');
    assert.deepEqual(heard.getData(), { wave: '👋', deep: { n: [1] } });
    assert.equal(heard.getSender().getUid(), 'ann');
    assert.equal(heard.getReceiverId(), 'bob');
    assert.equal(heard.getReceiverType(), 'user');
  }
  bob.sdk.sendTransientMessage(new bob.client.TransientMessage('room', 'group', { wave: 2 }));
  for (const device of [ann, ann2]) {
    const [heard] = await device.expect('onTransientMessageReceived');
    assert.deepEqual(heard.getData(), { wave: 2 });
    assert.equal(heard.getReceiverId(), 'room');
    assert.equal(heard.getReceiverType(), 'group');
  }
  await fenceFrom(bob, cy);
  assert.deepEqual(cy.unclaimed(), []);
  assert.deepEqual(bob.unclaimed(), []);
});

test('delivered and read, told to the author', async () => {
  const sent = await ann.say('bob', 'did you see?');
  assert.ok(!sent.getReadAt() && !sent.getDeliveredAt());
  const [heard] = await bob.expect('onTextMessageReceived');

  await bob.sdk.markAsDelivered(heard);
  for (const device of [ann, ann2]) {
    const [receipt] = await device.expect('onMessagesDelivered');
    assert.equal(String(receipt.getMessageId()), String(sent.getId()));
    assert.equal(receipt.getSender().getUid(), 'bob');
    assert.equal(receipt.getSender().getName(), 'Bob');
    assert.equal(receipt.getReceiverType(), 'user');
    assert.ok(Number(receipt.getTimestamp()) >= sent.getSentAt());
    assert.ok(Number(receipt.getDeliveredAt()) >= sent.getSentAt());
  }
  await until('delivered', async () => (await ann.sdk.getMessageDetails(sent.getId())).getDeliveredAt());
  assert.ok(!(await ann.sdk.getMessageDetails(sent.getId())).getReadAt());

  await bob.sdk.markAsRead(heard);
  for (const device of [ann, ann2]) {
    const [receipt] = await device.expect('onMessagesRead');
    assert.equal(String(receipt.getMessageId()), String(sent.getId()));
    assert.equal(receipt.getSender().getUid(), 'bob');
    assert.ok(Number(receipt.getReadAt()) >= sent.getSentAt());
  }
  const read = await ann.sdk.getMessageDetails(sent.getId());
  assert.ok(read.getReadAt() >= sent.getSentAt());
  assert.ok((await bob.sdk.getMessageDetails(sent.getId())).getReadByMeAt() >= sent.getSentAt());
});

test('the reader\'s other device is told, the reading one is not', async () => {
  await ann.say('bob', 'seen on one device');
  const [heard] = await bob.expect('onTextMessageReceived');
  await bob2.expect('onTextMessageReceived');
  await bob.sdk.markAsRead(heard);
  await bob2.expect('onMessagesRead', (receipt) => receipt.getSender().getUid() === 'bob');
  await ann.expect('onMessagesRead');
  await w.quiet(bob, cy);
});

test('one receipt covers what came before it', async () => {
  const sent = [];
  for (const text of ['one', 'two', 'three', 'four']) sent.push(await ann.say('bob', text));
  const [third] = await bob.expect('onTextMessageReceived', (m) => m.getText() === 'three');
  await bob.sdk.markAsRead(third);
  await ann.expect('onMessagesRead', (receipt) => String(receipt.getMessageId()) === String(sent[2].getId()));
  const found = await Promise.all(sent.map((m) => ann.sdk.getMessageDetails(m.getId())));
  assert.deepEqual(found.map((m) => Boolean(m.getReadAt())), [true, true, true, false]);
  assert.deepEqual(await bob.sdk.getUnreadMessageCountForUser('ann'), { ann: 1 });
  await bob.sdk.markAsRead(String(sent[3].getId()), 'ann', 'user', 'ann');
  await ann.expect('onMessagesRead', (receipt) => String(receipt.getMessageId()) === String(sent[3].getId()));
  assert.equal((await bob.sdk.getUnreadMessageCountForUser('ann')).ann ?? 0, 0);
});

test('a whole conversation marked', async () => {
  const sent = await ann.say('bob', 'mark me');
  const [heard] = await bob.expect('onTextMessageReceived');
  await bob.sdk.markConversationAsDelivered('ann', 'user');
  await ann.expect('onMessagesDelivered', (receipt) => String(receipt.getMessageId()) === String(sent.getId()));
  await bob.sdk.markConversationAsRead('ann', 'user');
  await ann.expect('onMessagesRead', (receipt) => String(receipt.getMessageId()) === String(sent.getId()));
  assert.ok((await ann.sdk.getMessageDetails(sent.getId())).getReadAt());
  const conversation = await bob.sdk.markMessageAsUnread(heard);
  assert.equal(Number(conversation.getUnreadMessageCount()), 1);
  assert.deepEqual(await bob.sdk.getUnreadMessageCountForUser('ann'), { ann: 1 });
});

test('receipts in a group: each reader, then all', async () => {
  await cy.sdk.joinGroup('room', 'public');
  await w.fence(ann, ann2, bob, bob2, cy);
  w.forget(ann, ann2, bob, bob2, cy);
  const sent = await ann.say('room', 'all of you', { type: 'group' });
  const [toBob] = await bob.expect('onTextMessageReceived');
  const [toCy] = await cy.expect('onTextMessageReceived');

  await bob.sdk.markAsDelivered(toBob);
  await bob.sdk.markAsRead(toBob);
  const [receipt] = await ann.expect('onMessagesRead', (r) => r.getSender().getUid() === 'bob');
  assert.equal(String(receipt.getMessageId()), String(sent.getId()));
  assert.equal(receipt.getReceiverType(), 'group');
  await w.fence(ann);
  assert.ok(!ann.unclaimed().includes('onMessagesReadByAll'), 'one has not read it yet');
  assert.ok(!(await ann.sdk.getMessageDetails(sent.getId())).getReadAt());

  await cy.sdk.markAsDelivered(toCy);
  const [delivered] = await ann.expect('onMessagesDeliveredToAll');
  assert.equal(String(delivered.getMessageId()), String(sent.getId()));
  await cy.sdk.markAsRead(toCy);
  const [all] = await ann.expect('onMessagesReadByAll');
  assert.equal(String(all.getMessageId()), String(sent.getId()));
  assert.equal(all.getReceiverType(), 'group');
  assert.ok((await ann.sdk.getMessageDetails(sent.getId())).getReadAt());

  const receipts = await ann.sdk.getMessageReceipts(sent.getId());
  assert.deepEqual(receipts.map((r) => r.getSender().getUid()).sort(), ['bob', 'cy']);
  for (const each of receipts) assert.ok(each.getReadAt() >= sent.getSentAt() && each.getDeliveredAt() >= sent.getSentAt());
  await cy.sdk.leaveGroup('room');
});

test('a receipt for somebody else\'s message is ignored', async () => {
  const sent = await ann.say('bob', 'private');
  await bob.expect('onTextMessageReceived');
  await cy.sdk.markAsRead(String(sent.getId()), 'ann', 'user', 'ann');
  await fenceFrom(cy, ann, bob);
  await w.fence(ann, bob);
  assert.ok(!ann.unclaimed().some((name) => name.startsWith('onMessages')));
  assert.ok(!(await ann.sdk.getMessageDetails(sent.getId())).getReadAt());
  await refused(cy.sdk.getMessageDetails(sent.getId()), 'ERR_MESSAGE_NO_ACCESS', 'ERR_MESSAGE_ID_NOT_FOUND');
});

const about = (uid) => (user) => user.getUid() === uid;

test('presence: the first device brings one online, the last one takes one offline', async () => {
  await w.user('dan');
  w.forget(ann);
  const one = await w.device('dan');
  const [online] = await ann.expect('onUserOnline', about('dan'));
  assert.equal(online.getStatus(), 'online');
  assert.equal(online.getName(), 'Dan');
  const status = async () => (await ann.sdk.getUser('dan')).getStatus();
  assert.notEqual(await status(), 'offline');

  const two = await w.device('dan');
  await w.device('eli');
  await ann.expect('onUserOnline', about('eli'));
  assert.ok(!ann.heard.some((e) => e.name === 'onUserOnline' && about('dan')(e.args[0])), 'he was online already');

  one.close();
  const fred = await w.device('fred');
  await ann.expect('onUserOnline', about('fred'));
  assert.ok(!ann.heard.some((e) => e.name === 'onUserOffline' && about('dan')(e.args[0])), 'he has another device');

  await two.sdk.logout();
  const [offline] = await ann.expect('onUserOffline', about('dan'));
  assert.equal(offline.getStatus(), 'offline');
  assert.ok(Math.abs(Number(offline.getLastActiveAt()) - Date.now() / 1000) < 120);
  assert.equal(await status(), 'offline');
  fred.close();
  await ann.expect('onUserOffline', about('fred'));
});

test('presence is told to those who asked for it', async () => {
  await w.user('gus');
  await w.user('hal');
  await w.api('POST', 'users/hal/friends', { accepted: ['gus'] });
  await w.api('POST', 'roles', { role: 'staff', name: 'Staff' });
  await w.user('ida', { role: 'staff' });
  const deaf = await w.device('una', { presence: 'none' });
  const hal = await w.device('hal', { presence: 'friends' });
  const boss = await w.device('boss', { presence: ['staff'] });
  w.forget(deaf, hal, boss, ann);

  const ida = await w.device('ida');
  const gus = await w.device('gus');
  await hal.expect('onUserOnline', about('gus'));
  await boss.expect('onUserOnline', about('ida'));
  await ann.expect('onUserOnline', about('gus'));
  gus.close();
  ida.close();
  await hal.expect('onUserOffline', about('gus'));
  await boss.expect('onUserOffline', about('ida'));
  await ann.expect('onUserOffline', about('gus'));
  const told = (device) => device.heard.filter((e) => e.name.startsWith('onUser')).map((e) => e.args[0].getUid());
  await w.fence(deaf, hal, boss);
  assert.deepEqual(told(deaf), []);
  assert.deepEqual(told(hal), [], 'only of his friend');
  assert.deepEqual(told(boss), [], 'only of the role asked for');
  assert.ok(!told(gus).includes('gus'), 'not of oneself');
});
