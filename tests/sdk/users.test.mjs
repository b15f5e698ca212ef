// Lists of users, and users who do not want to hear of each other.

import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { World, pages, refused, texts, uids } from './harness.mjs';

let w, ann, bob;
const crowd = Array.from({ length: 23 }, (_, n) => `crowd${String(n).padStart(2, '0')}`);
before(async () => {
  w = await World.open();
  [ann, bob] = [await w.device('ann'), await w.device('bob')];
  await w.api('POST', 'roles', { role: 'staff', name: 'Staff' });
  for (const [n, uid] of crowd.entries()) {
    await w.user(uid, { ...(n < 3 ? { role: 'staff' } : {}), ...(n % 10 === 0 ? { tags: ['ten'] } : {}), name: `Crowd ${String(n).padStart(2, '0')}` });
  }
});
after(() => w?.close());

const request = (device, build, limit = 10) => build(new device.client.UsersRequestBuilder().setLimit(limit)).build();
const found = async (build, device = ann) => uids((await pages(request(device, build))).flat());

test('users page by page, oneself left out', async () => {
  const all = await pages(request(ann, (b) => b));
  assert.deepEqual(all.map((page) => page.length), [10, 10, 4, 0]);
  const listed = uids(all.flat());
  assert.equal(new Set(listed).size, listed.length, 'nobody twice');
  assert.deepEqual([...listed].sort(), ['bob', ...crowd]);
  for (const user of all.flat()) assert.ok(user instanceof ann.client.User && user.getName() && user.getStatus());
  const second = request(ann, (b) => b.setPage(1));
  assert.deepEqual(uids(await second.fetchNext()), listed.slice(10, 20));
});

test('users searched and sifted', async () => {
  assert.deepEqual(await found((b) => b.setSearchKeyword('crowd1')), crowd.slice(10, 20));
  assert.deepEqual(await found((b) => b.setSearchKeyword('Crowd 07')), ['crowd07']);
  assert.deepEqual(await found((b) => b.setSearchKeyword('Crowd 07').searchIn(['uid'])), []);
  assert.deepEqual(await found((b) => b.setSearchKeyword('no such')), []);
  assert.deepEqual(await found((b) => b.setRoles(['staff'])), crowd.slice(0, 3));
  assert.deepEqual(await found((b) => b.setTags(['ten']).withTags(true)), ['crowd00', 'crowd10', 'crowd20']);
  assert.deepEqual((await found((b) => b.setUIDs(['crowd05', 'bob', 'nobody']))).sort(), ['bob', 'crowd05']);
  assert.deepEqual(await found((b) => b.setStatus('online')), ['bob']);
  assert.deepEqual((await found((b) => b.setStatus('offline'))).sort(), crowd);
  assert.deepEqual(await found((b) => b.sortBy('name').sortByOrder('desc').setSearchKeyword('crowd')), [...crowd].reverse());
});

test('friends only', async () => {
  assert.deepEqual(await found((b) => b.friendsOnly(true)), []);
  await w.api('POST', 'users/ann/friends', { accepted: ['crowd03', 'crowd09'] });
  assert.deepEqual(await found((b) => b.friendsOnly(true)), ['crowd03', 'crowd09']);
});

test('one user', async () => {
  const user = await ann.sdk.getUser('crowd00');
  assert.equal(user.getName(), 'Crowd 00');
  assert.equal(user.getRole(), 'staff');
  assert.equal(user.getStatus(), 'offline');
  assert.notEqual((await ann.sdk.getUser('bob')).getStatus(), 'offline');
  await refused(ann.sdk.getUser('nobody'), 'ERR_UID_NOT_FOUND');
});

const blocked = async (device, build = (b) => b) =>
  (await pages(build(new device.client.BlockedUsersRequestBuilder().setLimit(2)).build())).flat();

test('blocking cuts the line in both directions, unblocking mends it', async () => {
  const [kit, lou] = [await w.device('kit'), await w.device('lou')];
  await kit.say('lou', 'before');
  await lou.expect('onTextMessageReceived', (m) => m.getText() === 'before');
  w.forget(kit, lou);

  const result = await kit.sdk.blockUsers(['lou', 'nobody']);
  assert.equal(result.lou.success, true);
  assert.equal(result.nobody.success, false);

  const seen = await kit.sdk.getUser('lou');
  assert.equal(seen.getBlockedByMe(), true);
  assert.ok(!seen.getHasBlockedMe());
  const mirror = await lou.sdk.getUser('kit');
  assert.equal(mirror.getHasBlockedMe(), true);
  assert.ok(!mirror.getBlockedByMe());

  assert.deepEqual(uids(await blocked(kit)), ['lou']);
  assert.deepEqual(uids(await blocked(kit, (b) => b.setDirection('blockedByMe'))), ['lou']);
  assert.deepEqual(await blocked(kit, (b) => b.setDirection('hasBlockedMe')), []);
  assert.deepEqual(uids(await blocked(lou, (b) => b.setDirection('hasBlockedMe'))), ['kit']);
  assert.deepEqual(uids(await blocked(lou)), ['kit'], 'both directions unless asked');

  await refused(kit.say('lou', 'to the blocked'), 'ERR_BLOCKED_RECEIVER');
  // Whether the blocked one is told is the server's to decide; that it does not arrive is not.
  await lou.say('kit', 'to the blocker').catch((error) => assert.equal(error.code, 'ERR_BLOCKED_SENDER'));
  lou.sdk.startTyping(new lou.client.TypingIndicator('kit', 'user'));
  lou.sdk.sendTransientMessage(new lou.client.TransientMessage('kit', 'user', { peep: 1 }));
  lou.sdk.sendTransientMessage(new lou.client.TransientMessage('ann', 'user', { fence: 'kit' }));
  await ann.expect('onTransientMessageReceived', (m) => m.getData().fence === 'kit');
  await w.quiet(kit, lou);
  assert.deepEqual(texts(await new kit.client.MessagesRequestBuilder().setUID('lou').setLimit(10).build().fetchPrevious()), ['before']);
  await refused(lou.sdk.initiateCall(new lou.client.Call('kit', 'audio', 'user')), 'ERR_BLOCKED_SENDER', 'ERR_BLOCKED_RECEIVER');

  w.forget(kit);
  lou.close();
  const max = await w.device('max');
  await kit.expect('onUserOnline', (user) => user.getUid() === 'max');
  assert.ok(!kit.heard.some((e) => e.name.startsWith('onUser') && e.args[0].getUid() === 'lou'), 'nor is presence told');
  max.close();
  const listed = (await pages(request(kit, (b) => b.hideBlockedUsers(true), 30))).flat();
  assert.ok(!uids(listed).includes('lou'));

  const undone = await kit.sdk.unblockUsers(['lou']);
  assert.equal(undone.lou.success, true);
  assert.deepEqual(await blocked(kit), []);
  const back = await w.device('lou');
  await back.say('kit', 'after');
  await kit.expect('onTextMessageReceived', (m) => m.getText() === 'after');
  await kit.say('lou', 'and back');
  await back.expect('onTextMessageReceived', (m) => m.getText() === 'and back');
  const history = texts(await new kit.client.MessagesRequestBuilder().setUID('lou').setLimit(10).build().fetchPrevious());
  assert.deepEqual(history, ['before', 'after', 'and back'], 'what was said during the block stays unseen');
});

test('the blocked are listed page by page', async () => {
  const ned = await w.device('ned');
  await ned.sdk.blockUsers(crowd.slice(0, 5));
  const all = await pages(new ned.client.BlockedUsersRequestBuilder().setLimit(2).build());
  assert.deepEqual(all.map((page) => page.length), [2, 2, 1, 0]);
  assert.deepEqual(uids(all.flat()).sort(), crowd.slice(0, 5));
  assert.ok(all.flat().every((user) => user.getBlockedByMe()));
  assert.deepEqual(uids(await blocked(ned, (b) => b.setSearchKeyword('crowd03'))), ['crowd03']);
  await refused(ned.sdk.blockUsers(['ned']).then((r) => (r.ned.success ? r : Promise.reject(r.ned.error ?? { code: 'ERR_CANNOT_BLOCK_SELF' }))), 'ERR_CANNOT_BLOCK_SELF');
});

test('in a group the blocked are still heard', async () => {
  const [oda, pat] = [await w.device('oda'), await w.device('pat')];
  await oda.sdk.createGroup(new oda.client.Group('commons', 'Commons', 'public'));
  await pat.sdk.joinGroup('commons', 'public');
  await oda.sdk.blockUsers(['pat']);
  await pat.say('commons', 'I am here too', { type: 'group' });
  await oda.expect('onTextMessageReceived', (m) => m.getText() === 'I am here too');
  const hidden = new oda.client.MessagesRequestBuilder().setGUID('commons').setCategories(['message']).hideMessagesFromBlockedUsers(true).setLimit(10).build();
  assert.deepEqual(await hidden.fetchPrevious(), []);
});
