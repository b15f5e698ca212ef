// Groups: who gets in, who is told, who may do what, and that those who left hear nothing more.

import { after, before, beforeEach, test } from 'node:test';
import assert from 'node:assert/strict';
import { World, pages, refused, texts, uids } from './harness.mjs';

let w, ann, ann2, bob, bob2, cy, dan, everyone;
let serial = 0;
before(async () => {
  w = await World.open();
  [ann, ann2, bob, bob2] = [await w.device('ann'), await w.device('ann'), await w.device('bob'), await w.device('bob')];
  [cy, dan] = [await w.device('cy'), await w.device('dan')];
  everyone = [ann, ann2, bob, bob2, cy, dan];
  await w.fence(...everyone);
});
beforeEach(() => w.fresh(...everyone));
after(() => w?.close());

/** A group of ann's in which these others are already, each having joined by himself. */
async function group({ type = 'public', password, others = [] } = {}) {
  const guid = `g${++serial}`;
  await ann.sdk.createGroup(new ann.client.Group(guid, `Group ${serial}`, type, password));
  for (const other of others) await other.sdk.joinGroup(guid, type, password);
  await w.fence(...everyone);
  w.forget(...everyone);
  return guid;
}

const members = async (device, guid, build = (b) => b) =>
  (await pages(build(new device.client.GroupMembersRequestBuilder().setGuid(guid).setLimit(30)).build())).flat();
const scopes = async (device, guid) => Object.fromEntries((await members(device, guid)).map((m) => [m.getUid(), m.getScope()]));

/** The action message behind an event: who did what to whom, and how many are in the group now. */
function checkAction(action, { act, by, on, guid, count }) {
  assert.equal(action.getAction(), act);
  assert.equal(action.getCategory(), 'action');
  assert.equal(action.getType(), 'groupMember');
  assert.equal(action.getReceiverId(), guid);
  assert.equal(action.getReceiverType(), 'group');
  assert.ok(Number.isSafeInteger(Number(action.getId())));
  assert.equal(action.getActionBy().getUid(), by);
  assert.ok(action.getActionBy().getName());
  if (on) assert.equal(action.getActionOn().getUid(), on);
  assert.equal(action.getActionFor().getGuid(), guid);
  if (count !== undefined) assert.equal(action.getActionFor().getMembersCount(), count, 'members after the act');
  assert.ok(action.getMessage(), 'the client could make a sentence of it');
}

test('creating a group', async () => {
  const wanted = new ann.client.Group('first', 'The First', 'public', undefined, 'https://app.example/icon.png', 'a description');
  wanted.setMetadata({ topic: 'x' });
  wanted.setTags(['red']);
  const made = await ann.sdk.createGroup(wanted);
  assert.equal(made.getGuid(), 'first');
  assert.equal(made.getName(), 'The First');
  assert.equal(made.getType(), 'public');
  assert.equal(made.getOwner(), 'ann');
  assert.equal(made.getScope(), 'admin');
  assert.equal(made.getHasJoined(), true);
  assert.equal(made.getMembersCount(), 1);
  assert.equal(made.getIcon(), 'https://app.example/icon.png');
  assert.equal(made.getDescription(), 'a description');
  assert.deepEqual(made.getMetadata(), { topic: 'x' });
  assert.deepEqual(made.getTags(), ['red']);
  await refused(ann.sdk.createGroup(new ann.client.Group('first', 'Again', 'public')), 'ERR_GUID_ALREADY_EXISTS');

  const seen = await bob.sdk.getGroup('first');
  assert.equal(seen.getName(), 'The First');
  assert.equal(seen.getMembersCount(), 1);
  assert.ok(!seen.getHasJoined());
  await refused(bob.sdk.getGroup('nowhere'), 'ERR_GUID_NOT_FOUND');
});

test('joining a public group', async () => {
  const guid = await group();
  const joined = await bob.sdk.joinGroup(guid, 'public');
  assert.equal(joined.getGuid(), guid);
  assert.equal(joined.getHasJoined(), true);
  assert.equal(joined.getMembersCount(), 2);
  for (const device of [ann, ann2, bob2]) {
    const [action, by, where] = await device.expect('onGroupMemberJoined');
    checkAction(action, { act: 'joined', by: 'bob', guid, count: 2 });
    assert.equal(by.getUid(), 'bob');
    assert.equal(by.getName(), 'Bob');
    assert.equal(where.getGuid(), guid);
    assert.equal(where.getMembersCount(), 2);
  }
  await w.quiet(...everyone);

  const again = await bob.sdk.getGroup(guid);
  assert.equal(again.getHasJoined(), true);
  assert.equal(again.getScope(), 'participant');
  assert.equal(again.getMembersCount(), 2);
  await refused(bob.sdk.joinGroup(guid, 'public'), 'ERR_ALREADY_JOINED');
  await refused(bob.sdk.joinGroup('nowhere', 'public'), 'ERR_GUID_NOT_FOUND');
  await w.quiet(...everyone);
});

test('joining a group with a password', async () => {
  const guid = await group({ type: 'password', password: 'open sesame' });
  await refused(bob.sdk.joinGroup(guid, 'password', 'wrong'), 'ERR_WRONG_GROUP_PASS');
  // Asked as if it were public, so that the client lets it through without a password.
  await refused(bob.sdk.joinGroup(guid, 'public'), 'ERR_EMPTY_GROUP_PASS');
  await refused(bob.say(guid, 'let me in', { type: 'group' }), 'ERR_GROUP_NOT_JOINED');
  await w.quiet(...everyone);
  assert.deepEqual(await scopes(ann, guid), { ann: 'admin' });

  const joined = await bob.sdk.joinGroup(guid, 'password', 'open sesame');
  assert.equal(joined.getHasJoined(), true);
  assert.equal(joined.getType(), 'password');
  await ann.expect('onGroupMemberJoined', (action, by) => by.getUid() === 'bob');
  assert.deepEqual(await scopes(ann, guid), { ann: 'admin', bob: 'participant' });
  assert.ok(!JSON.stringify(ann.frames).includes('open sesame'), 'nobody is told the password');
  assert.ok(!JSON.stringify(await ann.sdk.getGroup(guid)).includes('sesame'));
});

test('a private group is entered by being added', async () => {
  const guid = await group({ type: 'private' });
  await refused(bob.sdk.joinGroup(guid, 'private'), 'ERR_GROUP_JOIN_NOT_ALLOWED');
  const listed = async (device) => (await pages(new device.client.GroupsRequestBuilder().setLimit(100).build())).flat().map((g) => g.getGuid());
  assert.ok((await listed(ann)).includes(guid));
  assert.ok(!(await listed(bob)).includes(guid), 'outsiders do not see it');
  await ann.sdk.addMembersToGroup(guid, [new ann.client.GroupMember('bob', 'participant')], []);
  await bob.expect('onMemberAddedToGroup', (action, on) => on.getUid() === 'bob');
  assert.ok((await listed(bob)).includes(guid));
  await bob.say(guid, 'thanks', { type: 'group' });
  await ann.expect('onTextMessageReceived', (m) => m.getText() === 'thanks');
});

test('a message to a group', async () => {
  const guid = await group({ others: [bob, cy] });
  const sent = await ann.say(guid, 'hello all', { type: 'group', metadata: { k: 1 } });
  assert.equal(sent.getReceiverType(), 'group');
  assert.equal(sent.getReceiverId(), guid);
  assert.equal(sent.getReceiver().getGuid(), guid);
  assert.equal(sent.getConversationId(), `group_${guid}`);
  for (const device of [ann2, bob, bob2, cy]) {
    const [heard] = await device.expect('onTextMessageReceived');
    assert.equal(heard.getText(), 'hello all');
    assert.equal(heard.getId(), sent.getId());
    assert.equal(heard.getSender().getUid(), 'ann');
    assert.equal(heard.getReceiver().getGuid(), guid);
    assert.equal(heard.getReceiverType(), 'group');
    assert.equal(heard.getConversationId(), `group_${guid}`);
  }
  await w.quiet(...everyone);

  await refused(dan.say(guid, 'me too', { type: 'group' }), 'ERR_GROUP_NOT_JOINED');
  await refused(dan.sdk.getMessageDetails(sent.getId()), 'ERR_MESSAGE_NO_ACCESS', 'ERR_MESSAGE_ID_NOT_FOUND', 'ERR_GROUP_NOT_JOINED');
  await refused(ann.say('nowhere', 'echo?', { type: 'group' }), 'ERR_GUID_NOT_FOUND');
  await w.quiet(...everyone);
});

test('edit and delete in a group', async () => {
  const guid = await group({ others: [bob, cy] });
  const sent = await bob.say(guid, 'drat', { type: 'group' });
  sent.setText('draft');
  await bob.sdk.editMessage(sent);
  for (const device of [ann, ann2, bob2, cy]) {
    await device.expect('onTextMessageReceived');
    const [heard] = await device.expect('onMessageEdited');
    assert.equal(heard.getText(), 'draft');
    assert.equal(heard.getReceiver().getGuid(), guid);
  }
  await refused(cy.sdk.deleteMessage(sent.getId()), 'ERR_MESSAGE_NOT_A_SENDER');
  const deleted = await ann.sdk.deleteMessage(sent.getId());
  assert.equal(deleted.getDeletedBy(), 'ann', 'an admin may');
  for (const device of [ann2, bob, bob2, cy]) {
    const [heard] = await device.expect('onMessageDeleted');
    assert.equal(heard.getId(), sent.getId());
    assert.equal(heard.getDeletedBy(), 'ann');
  }
  await w.quiet(...everyone);
});

test('kicking', async () => {
  const guid = await group({ others: [bob, cy] });
  await refused(cy.sdk.kickGroupMember(guid, 'bob'), 'ERR_GROUP_NO_CLEARANCE', 'ERR_GROUP_NO_MODERATOR_SCOPE');
  await refused(ann.sdk.kickGroupMember(guid, 'dan'), 'ERR_NOT_A_MEMBER');
  await w.quiet(...everyone);

  assert.equal(await ann.sdk.kickGroupMember(guid, 'bob'), true);
  for (const device of [ann2, bob, bob2, cy]) {
    const [action, on, by, where] = await device.expect('onGroupMemberKicked');
    checkAction(action, { act: 'kicked', by: 'ann', on: 'bob', guid, count: 2 });
    assert.equal(on.getUid(), 'bob');
    assert.equal(by.getUid(), 'ann');
    assert.equal(where.getGuid(), guid);
  }
  await ann.say(guid, 'he is gone', { type: 'group' });
  await cy.expect('onTextMessageReceived', (m) => m.getText() === 'he is gone');
  await ann2.expect('onTextMessageReceived', (m) => m.getText() === 'he is gone');
  await w.quiet(...everyone);
  await refused(bob.say(guid, 'am I?', { type: 'group' }), 'ERR_GROUP_NOT_JOINED');
  await refused(members(bob, guid), 'ERR_GROUP_NOT_JOINED');
  assert.deepEqual(await scopes(ann, guid), { ann: 'admin', cy: 'participant' });

  await bob.sdk.joinGroup(guid, 'public');
  await ann.expect('onGroupMemberJoined', (action, by) => by.getUid() === 'bob');
  await ann.say(guid, 'he is back', { type: 'group' });
  await bob.expect('onTextMessageReceived', (m) => m.getText() === 'he is back');
});

test('banning and pardoning', async () => {
  const guid = await group({ others: [bob, cy] });
  await refused(cy.sdk.banGroupMember(guid, 'bob'), 'ERR_GROUP_NO_CLEARANCE', 'ERR_GROUP_NO_MODERATOR_SCOPE');
  assert.equal(await ann.sdk.banGroupMember(guid, 'bob'), true);
  for (const device of [ann2, bob, bob2, cy]) {
    const [action, on, by] = await device.expect('onGroupMemberBanned');
    checkAction(action, { act: 'banned', by: 'ann', on: 'bob', guid, count: 2 });
    assert.equal(on.getUid(), 'bob');
    assert.equal(by.getUid(), 'ann');
  }
  await ann.say(guid, 'without him', { type: 'group' });
  await w.fence(...everyone);
  assert.deepEqual(bob.unclaimed(), []);
  assert.deepEqual(bob2.unclaimed(), []);
  await refused(bob.say(guid, 'why?', { type: 'group' }), 'ERR_BANNED_GROUPMEMBER', 'ERR_GROUP_NOT_JOINED');
  await refused(bob.sdk.joinGroup(guid, 'public'), 'ERR_BANNED_GROUPMEMBER');

  const banned = async () => (await pages(new ann.client.BannedMembersRequestBuilder().setGuid(guid).setLimit(10).build())).flat();
  const [listed, ...others] = await banned();
  assert.equal(listed.getUid(), 'bob');
  assert.equal(listed.getName(), 'Bob');
  assert.deepEqual(others, []);
  assert.deepEqual(await scopes(ann, guid), { ann: 'admin', cy: 'participant' });
  await refused(cy.sdk.unbanGroupMember(guid, 'bob'), 'ERR_GROUP_NO_CLEARANCE', 'ERR_GROUP_NO_MODERATOR_SCOPE');

  w.forget(...everyone);
  assert.equal(await ann.sdk.unbanGroupMember(guid, 'bob'), true);
  for (const device of [ann2, bob, bob2, cy]) {
    const [action, on, by] = await device.expect('onGroupMemberUnbanned');
    checkAction(action, { act: 'unbanned', by: 'ann', on: 'bob', guid });
    assert.equal(on.getUid(), 'bob');
    assert.equal(by.getUid(), 'ann');
  }
  await w.quiet(...everyone);
  assert.deepEqual(await banned(), []);
  await refused(bob.say(guid, 'in again?', { type: 'group' }), 'ERR_GROUP_NOT_JOINED');
  await refused(ann.sdk.unbanGroupMember(guid, 'bob'), 'ERR_NOT_A_BANNED_USER');
  await bob.sdk.joinGroup(guid, 'public');
});

test('the banned are listed page by page', async () => {
  const guid = await group();
  const names = Array.from({ length: 5 }, (_, n) => `rowdy${n}`);
  for (const name of names) await w.user(name);
  await ann.sdk.addMembersToGroup(guid, [], names);
  const all = await pages(new ann.client.BannedMembersRequestBuilder().setGuid(guid).setLimit(2).build());
  assert.deepEqual(all.map((page) => page.length), [2, 2, 1, 0]);
  assert.deepEqual(uids(all.flat()).sort(), names);
  const search = new ann.client.BannedMembersRequestBuilder().setGuid(guid).setLimit(10).setSearchKeyword('rowdy3').build();
  assert.deepEqual(uids(await search.fetchNext()), ['rowdy3']);
});

test('leaving', async () => {
  const guid = await group({ others: [bob, cy] });
  assert.equal(await bob.sdk.leaveGroup(guid), true);
  for (const device of [ann, ann2, bob2, cy]) {
    const [action, by, where] = await device.expect('onGroupMemberLeft');
    checkAction(action, { act: 'left', by: 'bob', guid, count: 2 });
    assert.equal(by.getUid(), 'bob');
    assert.equal(where.getGuid(), guid);
  }
  await ann.say(guid, 'bye', { type: 'group' });
  await cy.expect('onTextMessageReceived');
  await ann2.expect('onTextMessageReceived');
  await w.quiet(...everyone);
  assert.ok(!(await bob.sdk.getGroup(guid)).getHasJoined());
  await refused(bob.sdk.leaveGroup(guid), 'ERR_GROUP_NOT_JOINED');
});

test('adding members, some with a rank, some unwelcome', async () => {
  const guid = await group();
  await w.user('eve');
  const member = (uid, scope) => new ann.client.GroupMember(uid, scope);
  const result = await ann.sdk.addMembersToGroup(guid, [member('bob', 'admin'), member('cy', 'moderator'), member('dan', 'participant'), member('nobody', 'participant')], ['eve']);
  assert.deepEqual({ ...result, nobody: undefined }, { bob: 'success', cy: 'success', dan: 'success', nobody: undefined, eve: 'success' });
  assert.ok(result.nobody && result.nobody !== 'success', 'and a reason for the one who does not exist');

  assert.deepEqual(await scopes(ann, guid), { ann: 'admin', bob: 'admin', cy: 'moderator', dan: 'participant' });
  for (const uid of ['bob', 'cy', 'dan']) {
    const [action, on, by, where] = await ann2.expect('onMemberAddedToGroup', (a, on) => on.getUid() === uid);
    checkAction(action, { act: 'added', by: 'ann', on: uid, guid });
    assert.equal(by.getUid(), 'ann');
    assert.equal(where.getGuid(), guid);
  }
  for (const device of [bob, bob2, cy, dan]) await device.expect('onMemberAddedToGroup', (action, on) => on.getUid() === device.uid);
  await ann2.expect('onGroupMemberBanned', (action, on) => on.getUid() === 'eve');
  await w.fence(...everyone);
  assert.deepEqual(ann.unclaimed(), []);

  const again = await ann.sdk.addMembersToGroup(guid, [member('bob', 'participant')], []);
  assert.ok(again.bob && again.bob !== 'success', 'he is in already');
  await refused(dan.sdk.addMembersToGroup(guid, [member('eve', 'participant')], []), 'ERR_GROUP_NO_CLEARANCE', 'ERR_GROUP_NO_ADMIN_SCOPE');
  await ann.say(guid, 'welcome', { type: 'group' });
  for (const device of [bob, bob2, cy, dan]) await device.expect('onTextMessageReceived', (m) => m.getText() === 'welcome');
});

test('creating a group with its members at once', async () => {
  const member = (uid, scope) => new ann.client.GroupMember(uid, scope);
  const result = await ann.sdk.createGroupWithMembers(
    new ann.client.Group('ready', 'Ready', 'private'), [member('bob', 'moderator'), member('cy', 'participant'), member('nobody', 'participant')], ['dan']);
  assert.equal(result.group.getGuid(), 'ready');
  assert.equal(result.group.getOwner(), 'ann');
  assert.equal(result.members.bob, 'success');
  assert.equal(result.members.cy, 'success');
  assert.equal(result.members.dan, 'success');
  assert.notEqual(result.members.nobody, 'success');
  assert.deepEqual(await scopes(ann, 'ready'), { ann: 'admin', bob: 'moderator', cy: 'participant' });
  await bob.expect('onMemberAddedToGroup', (action, on) => on.getUid() === 'bob');
});

test('changing a scope', async () => {
  const guid = await group({ others: [bob, cy] });
  await refused(cy.sdk.updateGroupMemberScope(guid, 'bob', 'admin'), 'ERR_GROUP_NO_SCOPE_CLEARANCE', 'ERR_GROUP_NO_CLEARANCE');
  await refused(ann.sdk.updateGroupMemberScope(guid, 'bob', 'participant'), 'ERR_SAME_SCOPE');
  await refused(ann.sdk.updateGroupMemberScope(guid, 'dan', 'admin'), 'ERR_NOT_A_MEMBER');
  await w.quiet(...everyone);

  assert.equal(await ann.sdk.updateGroupMemberScope(guid, 'bob', 'moderator'), true);
  for (const device of [ann2, bob, bob2, cy]) {
    const [action, on, now, then, where] = await device.expect('onGroupMemberScopeChanged');
    checkAction(action, { act: 'scopeChanged', by: 'ann', on: 'bob', guid, count: 3 });
    assert.equal(on.getUid(), 'bob');
    assert.equal(now, 'moderator');
    assert.equal(then, 'participant');
    assert.equal(where.getGuid(), guid);
  }
  await w.quiet(...everyone);
  assert.deepEqual(await scopes(cy, guid), { ann: 'admin', bob: 'moderator', cy: 'participant' });
  assert.equal((await bob.sdk.getGroup(guid)).getScope(), 'moderator');
  assert.equal(await bob.sdk.kickGroupMember(guid, 'cy'), true, 'the new rank counts');
});

test('handing a group over', async () => {
  const guid = await group({ others: [bob, cy] });
  await refused(bob.sdk.transferGroupOwnership(guid, 'bob'), 'ERR_GROUP_NO_CLEARANCE');
  await refused(ann.sdk.transferGroupOwnership(guid, 'dan'), 'ERR_NOT_A_MEMBER');
  assert.equal(typeof (await ann.sdk.transferGroupOwnership(guid, 'bob')), 'string');
  assert.equal((await cy.sdk.getGroup(guid)).getOwner(), 'bob');
  await refused(ann.sdk.transferGroupOwnership(guid, 'cy'), 'ERR_GROUP_NO_CLEARANCE');
  assert.equal(await ann.sdk.leaveGroup(guid), true, 'the former owner is free to go');
  await bob.sdk.transferGroupOwnership(guid, 'cy');
  assert.equal((await cy.sdk.getGroup(guid)).getOwner(), 'cy');
});

test('members are listed page by page, searched and sifted', async () => {
  const guid = await group({ others: [bob, cy, dan] });
  const extras = ['xara', 'xeno', 'xyla'];
  for (const uid of extras) await w.user(uid);
  await ann.sdk.addMembersToGroup(guid, extras.map((uid) => new ann.client.GroupMember(uid, 'moderator')), []);
  const all = await pages(new bob.client.GroupMembersRequestBuilder().setGuid(guid).setLimit(3).build());
  assert.deepEqual(all.map((page) => page.length), [3, 3, 1, 0]);
  assert.deepEqual(uids(all.flat()).sort(), ['ann', 'bob', 'cy', 'dan', ...extras]);
  for (const member of all.flat()) {
    assert.ok(member instanceof bob.client.GroupMember);
    assert.ok(member.getName() && member.getScope() && member.getJoinedAt());
  }
  assert.deepEqual(uids(await members(ann, guid, (b) => b.setSearchKeyword('xe'))), ['xeno']);
  assert.deepEqual(uids(await members(ann, guid, (b) => b.setScopes(['moderator']))).sort(), extras);
  assert.deepEqual(uids(await members(ann, guid, (b) => b.setScopes(['admin', 'participant']))).sort(), ['ann', 'bob', 'cy', 'dan']);
  assert.deepEqual(uids(await members(ann, guid, (b) => b.setStatus('online'))).sort(), ['ann', 'bob', 'cy', 'dan']);
  assert.deepEqual(uids(await members(ann, guid, (b) => b.setStatus('offline'))).sort(), extras);
});

test('groups are listed page by page, searched and sifted', async () => {
  const made = [];
  for (let n = 0; n < 5; n++) {
    const wanted = new cy.client.Group(`list${n}`, `Listed ${n}`, 'public');
    wanted.setTags(n === 2 ? ['blue'] : ['green']);
    made.push((await cy.sdk.createGroup(wanted)).getGuid());
  }
  const list = (build, device = bob, limit = 2) => pages(build(new device.client.GroupsRequestBuilder().setLimit(limit)).build());
  const found = await list((b) => b.setSearchKeyword('Listed'));
  assert.deepEqual(found.map((page) => page.length), [2, 2, 1, 0]);
  assert.deepEqual(found.flat().map((g) => g.getGuid()).sort(), made);
  assert.ok(found.flat().every((g) => g.getName() && g.getType() && !g.getHasJoined()));
  await bob.sdk.joinGroup('list3', 'public');
  const joined = (await list((b) => b.joinedOnly(true).setSearchKeyword('Listed'))).flat();
  assert.deepEqual(joined.map((g) => [g.getGuid(), g.getHasJoined()]), [['list3', true]]);
  const blue = (await list((b) => b.setTags(['blue']).withTags(true))).flat();
  assert.deepEqual(blue.map((g) => [g.getGuid(), g.getTags()]), [['list2', ['blue']]]);
});

test('changing and deleting a group', async () => {
  const guid = await group({ others: [bob] });
  const changeOf = (device) => {
    const change = new device.client.Group(guid, 'New name', 'public');
    change.setDescription('new words');
    return change;
  };
  await refused(bob.sdk.updateGroup(changeOf(bob)), 'ERR_GROUP_NO_CLEARANCE', 'ERR_GROUP_NO_MODERATOR_SCOPE');
  const changed = await ann.sdk.updateGroup(changeOf(ann));
  assert.equal(changed.getName(), 'New name');
  assert.equal(changed.getDescription(), 'new words');
  const seen = await bob.sdk.getGroup(guid);
  assert.equal(seen.getName(), 'New name');
  assert.equal(seen.getMembersCount(), 2, 'the zeros the client sends along mean nothing');
  assert.equal(seen.getHasJoined(), true);

  await refused(bob.sdk.deleteGroup(guid), 'ERR_GROUP_NO_ADMIN_SCOPE', 'ERR_GROUP_NO_CLEARANCE');
  assert.equal(await ann.sdk.deleteGroup(guid), true);
  await refused(ann.sdk.getGroup(guid), 'ERR_GUID_NOT_FOUND');
  await refused(bob.say(guid, 'gone?', { type: 'group' }), 'ERR_GUID_NOT_FOUND');
});

test('what happened in a group is in its history', async () => {
  const guid = await group({ others: [bob] });
  await bob.say(guid, 'hi', { type: 'group' });
  await ann.sdk.updateGroupMemberScope(guid, 'bob', 'moderator');
  await ann.sdk.addMembersToGroup(guid, [new ann.client.GroupMember('cy', 'participant')], []);
  await ann.sdk.kickGroupMember(guid, 'bob');
  const request = (build) => build(new ann.client.MessagesRequestBuilder().setGUID(guid).setLimit(30)).build().fetchPrevious();
  const acts = await request((b) => b.setCategories(['action']));
  assert.deepEqual(acts.map((a) => a.getAction()), ['joined', 'scopeChanged', 'added', 'kicked']);
  for (const act of acts) assert.ok(act.getMessage());
  assert.deepEqual(texts(await request((b) => b.setCategories(['message']))), ['hi']);
  await refused(new bob.client.MessagesRequestBuilder().setGUID(guid).setLimit(5).build().fetchPrevious(), 'ERR_GROUP_NOT_JOINED');
});
