// Fetching messages: in pages, in both directions, sifted.

import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { World, pages, refused, texts } from './harness.mjs';

let w, ann, bob, cy, sent;
const story = Array.from({ length: 25 }, (_, n) => `line ${n}`);
before(async () => {
  w = await World.open();
  [ann, bob, cy] = [await w.device('ann'), await w.device('bob'), await w.device('cy')];
  sent = [];
  for (const [n, text] of story.entries()) sent.push(n % 3 ? await ann.say('bob', text) : await bob.say('ann', text));
  await ann.say('cy', 'another conversation');
});
after(() => w?.close());

const list = (device, build) => build(new device.client.MessagesRequestBuilder()).build();
const lengths = (all) => all.map((page) => page.length);

test('back from the newest, page by page', async () => {
  for (const [device, other] of [[ann, 'bob'], [bob, 'ann']]) {
    const all = await pages(list(device, (b) => b.setUID(other).setLimit(10)), 'fetchPrevious');
    assert.deepEqual(lengths(all), [10, 10, 5, 0]);
    assert.deepEqual(all.map(texts), [story.slice(15), story.slice(5, 15), story.slice(0, 5), []], 'each page oldest first');
  }
});

test('pages that come out even', async () => {
  const all = await pages(list(ann, (b) => b.setUID('bob').setLimit(5)), 'fetchPrevious');
  assert.deepEqual(lengths(all), [5, 5, 5, 5, 5, 0]);
  assert.deepEqual(texts(all.slice().reverse().flat()), story);
});

test('forward from a message, page by page', async () => {
  const all = await pages(list(bob, (b) => b.setUID('ann').setMessageId(sent[2].getId()).setLimit(6)));
  assert.deepEqual(lengths(all), [6, 6, 6, 4, 0]);
  assert.deepEqual(texts(all.flat()), story.slice(3), 'everything after it and not itself');
});

test('back from a message', async () => {
  const all = await pages(list(bob, (b) => b.setUID('ann').setMessageId(sent[20].getId()).setLimit(8)), 'fetchPrevious');
  assert.deepEqual(lengths(all), [8, 8, 4, 0]);
  assert.deepEqual(texts(all.slice().reverse().flat()), story.slice(0, 20));
});

test('forward after the end, then more once there is more', async () => {
  const last = await ann.say('cy', 'the last for now');
  const at = () => list(cy, (b) => b.setUID('ann').setMessageId(last.getId()).setLimit(5));
  assert.deepEqual(await at().fetchNext(), []);
  await ann.say('cy', 'one more');
  assert.deepEqual(texts(await at().fetchNext()), ['one more']);
});

test('forward from a moment', async () => {
  const all = await pages(list(bob, (b) => b.setUID('ann').setTimestamp(sent[0].getSentAt() - 10).setLimit(10)));
  assert.deepEqual(lengths(all), [10, 10, 5, 0]);
  assert.deepEqual(texts(all.flat()), story, 'though many of them share a second');
});

test('what is fetched is what was sent', async () => {
  const [message] = await list(bob, (b) => b.setUID('ann').setMessageId(sent[4].getId()).setLimit(1)).fetchPrevious();
  assert.equal(message.getId(), sent[3].getId());
  assert.equal(message.getConversationId(), 'ann_user_bob');
  assert.equal(message.getSender().getName(), 'Bob');
  assert.equal(message.getReceiver().getName(), 'Ann');
  assert.equal(message.getSentAt(), sent[3].getSentAt());
});

test('all conversations at once', async () => {
  const all = texts((await pages(list(ann, (b) => b.setLimit(20)), 'fetchPrevious')).flat());
  assert.ok(all.includes('another conversation') && all.includes('line 0'));
  assert.ok(!texts((await pages(list(bob, (b) => b.setLimit(20)), 'fetchPrevious')).flat()).includes('another conversation'));
});

test('searching over several pages', async () => {
  await w.user('dee');
  for (let n = 0; n < 7; n++) {
    await ann.say('dee', `odd thing & 100% no. ${n}`);
    await ann.say('dee', `even ${n}`);
  }
  const all = await pages(list(ann, (b) => b.setUID('dee').setSearchKeyword('thing & 100% no.').setLimit(3)), 'fetchPrevious');
  assert.deepEqual(lengths(all), [3, 3, 1, 0]);
  assert.deepEqual(texts(all.slice().reverse().flat()), Array.from({ length: 7 }, (_, n) => `odd thing & 100% no. ${n}`));
});

test('sifted by kind, tag and state', async () => {
  await w.user('fay');
  const fay = await w.device('fay');
  const plain = await ann.say('fay', 'plain');
  await ann.say('fay', 'tagged', { tags: ['star'] });
  await ann.sdk.sendCustomMessage(new ann.client.CustomMessage('fay', 'user', 'poke', { hard: true }));
  const gone = await ann.say('fay', 'gone');
  await ann.sdk.deleteMessage(gone.getId());
  await ann.say('fay', 'reply', { parentMessageId: plain.getId() });

  const kinds = async (build) => (await list(fay, (b) => build(b.setUID('ann').setLimit(30))).fetchPrevious()).map((m) => m.getText?.() ?? m.getType());
  assert.deepEqual(await kinds((b) => b.setCategories(['custom'])), ['poke']);
  assert.deepEqual(await kinds((b) => b.setCategories(['custom', 'message']).setTypes(['poke'])), ['poke']);
  assert.deepEqual(await kinds((b) => b.setTags(['star'])), ['tagged']);
  const visible = await kinds((b) => b.hideDeletedMessages(true).hideReplies(true));
  assert.deepEqual(visible, ['plain', 'tagged', 'poke']);
  const every = await list(fay, (b) => b.setUID('ann').setLimit(30)).fetchPrevious();
  assert.ok(every.some((m) => m.getId() === gone.getId() && m.getDeletedAt()), 'a deleted message keeps its place');
  assert.ok(every.every((m) => !(m instanceof fay.client.Action)), 'an edit or a deletion is no line of its own');
  const withTags = await list(fay, (b) => b.setUID('ann').setLimit(30).withTags(true).setTags(['star'])).fetchPrevious();
  assert.deepEqual(withTags[0].getTags(), ['star']);
});

test('unread ones, counted and listed', async () => {
  await w.user('gus');
  const gus = await w.device('gus');
  for (const text of ['a', 'b', 'c']) await ann.say('gus', text);
  await bob.say('gus', 'd');
  assert.deepEqual(await gus.sdk.getUnreadMessageCount(), { users: { ann: 3, bob: 1 }, groups: {} });
  assert.deepEqual(await gus.sdk.getUnreadMessageCountForAllUsers(), { ann: 3, bob: 1 });
  assert.deepEqual(await gus.sdk.getUnreadMessageCountForUser('ann'), { ann: 3 });
  assert.deepEqual(texts(await list(gus, (b) => b.setUID('ann').setUnread(true).setLimit(10)).fetchPrevious()), ['a', 'b', 'c']);
  await gus.sdk.markConversationAsRead('ann', 'user');
  assert.deepEqual(await gus.sdk.getUnreadMessageCount(), { users: { bob: 1 }, groups: {} });
  assert.deepEqual(await ann.sdk.getUnreadMessageCountForUser('gus'), {}, 'one\'s own are never unread');
});

test('a group\'s, for members only', async () => {
  await ann.sdk.createGroup(new ann.client.Group('club', 'Club', 'public'));
  await bob.sdk.joinGroup('club', 'public');
  const lines = Array.from({ length: 12 }, (_, n) => `club ${n}`);
  for (const [n, text] of lines.entries()) await (n % 2 ? ann : bob).say('club', text, { type: 'group' });
  const all = await pages(list(bob, (b) => b.setGUID('club').setCategories(['message']).setLimit(5)), 'fetchPrevious');
  assert.deepEqual(all.map(texts), [lines.slice(7), lines.slice(2, 7), lines.slice(0, 2), []]);
  assert.equal(all[0][0].getReceiver().getGuid(), 'club');
  assert.deepEqual(await bob.sdk.getUnreadMessageCountForGroup('club'), { club: 6 });
  await refused(list(cy, (b) => b.setGUID('club').setLimit(5)).fetchPrevious(), 'ERR_GROUP_NOT_JOINED');
  await refused(list(cy, (b) => b.setGUID('nowhere').setLimit(5)).fetchPrevious(), 'ERR_GUID_NOT_FOUND');
});

test('what changed since', async () => {
  await w.user('hal');
  const hal = await w.device('hal');
  const [one, two] = [await ann.say('hal', 'one'), await ann.say('hal', 'two')];
  one.setText('one, edited');
  const edited = await ann.sdk.editMessage(one);
  const since = list(hal, (b) => b.setUID('ann').setUpdatedAfter(two.getSentAt() - 1).updatesOnly(true).setLimit(30));
  const changed = await since.fetchNext();
  assert.ok(changed.some((m) => (m.getActionOn?.() ?? m).getText?.() === 'one, edited'), 'the edit can be caught up with');
  assert.equal(edited.getText(), 'one, edited');
});

test('threads page by page', async () => {
  const parent = await ann.say('cy', 'parent');
  const replies = Array.from({ length: 7 }, (_, n) => `reply ${n}`);
  for (const [n, text] of replies.entries()) {
    await (n % 2 ? ann : cy).say(n % 2 ? 'cy' : 'ann', text, { parentMessageId: parent.getId() });
  }
  const all = await pages(list(cy, (b) => b.setParentMessageId(parent.getId()).setLimit(3)), 'fetchPrevious');
  assert.deepEqual(all.map(texts), [replies.slice(4), replies.slice(1, 4), replies.slice(0, 1), []]);
  const main = texts((await pages(list(cy, (b) => b.setUID('ann').hideReplies(true).setLimit(30)), 'fetchPrevious')).flat());
  assert.ok(main.includes('parent') && !main.includes('reply 0'));
  assert.equal((await cy.sdk.getMessageDetails(parent.getId())).getReplyCount(), 7);
});

test('conversations, newest first', async () => {
  const kim = await w.device('kim');
  for (const device of [ann, bob, cy]) await device.say('kim', `from ${device.uid}`);
  await bob.say('kim', 'bob again');
  const all = await pages(new kim.client.ConversationsRequestBuilder().setLimit(2).build());
  assert.deepEqual(lengths(all), [2, 1, 0]);
  const rows = all.flat();
  assert.deepEqual(rows.map((c) => c.getConversationWith().getUid()), ['bob', 'cy', 'ann']);
  assert.deepEqual(rows.map((c) => Number(c.getUnreadMessageCount())), [2, 1, 1]);
  assert.equal(rows[0].getLastMessage().getText(), 'bob again');
  assert.equal(rows[0].getConversationId(), 'bob_user_kim');
  const one = await kim.sdk.getConversation('bob', 'user');
  assert.equal(one.getConversationWith().getName(), 'Bob');
  await kim.sdk.deleteConversation('bob', 'user');
  const left = (await pages(new kim.client.ConversationsRequestBuilder().setLimit(30).build())).flat();
  assert.deepEqual(left.map((c) => c.getConversationWith().getUid()), ['cy', 'ann']);
  assert.deepEqual(await list(kim, (b) => b.setUID('bob').setLimit(30)).fetchPrevious(), []);
  assert.equal((await list(bob, (b) => b.setUID('kim').setLimit(30)).fetchPrevious()).length, 2, 'the other side keeps his');
});
