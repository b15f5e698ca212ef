// Pinned and saved messages, threads one follows, mentions, and flagging.

import { after, before, beforeEach, test } from 'node:test';
import assert from 'node:assert/strict';
import { World, pages, refused, texts } from './harness.mjs';

let w, ann, bob, bob2, cy;
before(async () => {
  w = await World.open();
  [ann, bob, bob2, cy] = [await w.device('ann'), await w.device('bob'), await w.device('bob'), await w.device('cy')];
  await ann.sdk.createGroup(new ann.client.Group('room', 'Room', 'public'));
  await bob.sdk.joinGroup('room', 'public');
  await cy.sdk.joinGroup('room', 'public');
});
beforeEach(() => w.fresh(ann, bob, bob2, cy));
after(() => w?.close());

const list = (device, build) => build(new device.client.MessagesRequestBuilder()).build();

test('the app says that there are pins and saved messages, and how many', async () => {
  assert.equal(await ann.sdk.isPinMessageEnabled(), true);
  assert.equal(await ann.sdk.isSaveMessageEnabled(), true);
  assert.deepEqual(
    [await ann.sdk.getPinnedMessagesLimit(), await ann.sdk.getSystemPinnedMessagesLimit(), await ann.sdk.getSavedMessagesLimit()],
    [100, 100, 100],
  );
});

test('a pinned message is heard of by everybody, listed, and unpinned by another', async () => {
  const first = await ann.say('bob', 'keep this');
  const pinned = await bob.sdk.pinMessage(first.getId());
  assert.equal(pinned.getPinnedBy(), 'bob');
  assert.equal(pinned.isPinned(), true);
  for (const device of [ann, bob2]) {
    const [heard] = await device.expect('onMessagePinned');
    assert.equal(String(heard.getId()), String(first.getId()));
    assert.equal(heard.getPinnedBy(), 'bob');
  }
  const second = await ann.say('bob', 'and this');
  await w.api('POST', `messages/${second.getId()}/pin`, {});
  const [system] = await bob.expect('onMessagePinned');
  assert.equal(system.isSystemPinned(), true);
  const all = await pages(list(ann, (b) => b.setUID('bob').setPinned(true).setLimit(1)));
  assert.deepEqual(texts(all.flat()), ['and this', 'keep this'], 'the newest pin first');
  await ann.sdk.unpinMessage(first.getId());
  assert.equal((await bob.expect('onMessageUnpinned'))[0].isPinned(), false);
  assert.deepEqual(texts(await list(bob, (b) => b.setUID('ann').setPinned(true).setLimit(100)).fetchNext()), ['and this']);
});

test('in a group those who moderate pin', async () => {
  const sent = await bob.say('room', 'mine', { type: 'group' });
  await refused(bob.sdk.pinMessage(sent.getId()), 'ERR_PERMISSION_DENIED');
  await ann.sdk.pinMessage(sent.getId());
  const [heard] = await cy.expect('onMessagePinned');
  assert.equal(heard.getReceiverId(), 'room');
  assert.deepEqual(texts(await list(cy, (b) => b.setGUID('room').setPinned(true).setLimit(10)).fetchNext()), ['mine']);
});

test('a saved message is one user\'s own, on all his devices', async () => {
  const direct = await ann.say('bob', 'to remember');
  const grouped = await cy.say('room', 'to remember, too', { type: 'group' });
  const saved = await bob.sdk.saveMessage(direct.getId());
  assert.equal(saved.isSaved(), true);
  assert.equal(String((await bob2.expect('onMessageSaved'))[0].getId()), String(direct.getId()));
  await bob.sdk.saveMessage(grouped.getId());
  await bob2.expect('onMessageSaved');
  const all = await pages(list(bob, (b) => b.setSaved(true).setLimit(1)));
  assert.deepEqual(texts(all.flat()), ['to remember, too', 'to remember']);
  assert.deepEqual(await list(ann, (b) => b.setSaved(true).setLimit(10)).fetchNext(), []);
  assert.equal((await bob.sdk.unsaveMessage(direct.getId())).isSaved(), false);
  await bob2.expect('onMessageUnsaved');
  await w.fence(ann, cy);
  assert.ok(![...ann.unclaimed(), ...cy.unclaimed()].some((name) => name.includes('Saved') || name.includes('Unsaved')));
});

test('threads one follows, by their newest reply, page by page', async () => {
  const roots = [];
  for (const n of [0, 1, 2]) roots.push(await ann.say('room', `question ${n}`, { type: 'group' }));
  for (const n of [1, 2, 0]) {
    await bob.say('room', `answer ${n}`, { type: 'group', parentMessageId: roots[n].getId() });
  }
  const threads = (device, build = (b) => b) => build(new device.client.ThreadsRequestBuilder().setLimit(2)).build();
  const all = (await pages(threads(ann, (b) => b.setGuid('room')))).flat();
  assert.deepEqual(new Set(all.map((t) => t.getParentMessage().getText())), new Set(['question 0', 'question 1', 'question 2']));
  assert.equal(all.length, 3, 'each once');
  const one = all.find((t) => t.getParentMessageId() === Number(roots[0].getId()));
  assert.deepEqual([one.getReplyCount(), one.getLastReply().getText(), one.isSubscribed(), one.getUnreadReplyCount()], [1, 'answer 0', true, 1]);
  // Who has nothing to do with them has none of his own, but finds them.
  assert.deepEqual(await threads(cy, (b) => b.setGuid('room')).fetchNext(), []);
  assert.equal((await threads(cy, (b) => b.setGuid('room').setParticipatedByMe(false)).fetchNext()).length, 2);
  await cy.sdk.subscribeToThread(Number(roots[2].getId()));
  assert.deepEqual((await threads(cy).fetchNext()).map((t) => t.getParentMessage().getText()), ['question 2']);
  assert.equal((await cy.sdk.getMessageDetails(roots[2].getId())).isThreadSubscribed(), true);
  assert.equal((await list(cy, (b) => b.setGUID('room').setLimit(50)).fetchPrevious()).find((m) => m.getText?.() === 'question 2').isThreadSubscribed(), true);
  await cy.sdk.unsubscribeFromThread(Number(roots[2].getId()));
  assert.deepEqual(await threads(cy).fetchNext(), []);
});

test('who is mentioned knows it, and finds it', async () => {
  const sent = await ann.say('room', 'ask <@uid:bob>', { type: 'group' });
  assert.deepEqual(sent.getMentionedUsers().map((user) => user.getUid()), ['bob']);
  const [heard] = await bob.expect('onTextMessageReceived', (m) => m.getText().startsWith('ask'));
  assert.equal(heard.hasMentionedMe(), true);
  assert.equal((await cy.expect('onTextMessageReceived', (m) => m.getText().startsWith('ask')))[0].hasMentionedMe(), false);
  const conversation = await bob.sdk.getConversation('room', 'group');
  assert.equal(Number(conversation.getUnreadMentionsCount()), 1);
  const found = await list(cy, (b) => b.setGUID('room').setMentionedUIDs(['bob']).mentionsWithTagInfo(true).setLimit(10)).fetchPrevious();
  assert.deepEqual(texts(found), ['ask <@uid:bob>']);
});

test('a message is flagged for a reason the app has', async () => {
  const sent = await ann.say('room', 'buy now', { type: 'group' });
  const reasons = await bob.sdk.getFlagReasons();
  assert.ok(reasons.some((reason) => reason.id === 'spam' && reason.name));
  await bob.sdk.flagMessage(String(sent.getId()), { reasonId: 'spam', remark: 'again' });
  const [flagged] = await w.api('GET', 'moderation/flagged-messages');
  assert.deepEqual([flagged.id, flagged.flaggedBy[0].uid, flagged.flaggedBy[0].remark], [String(sent.getId()), 'bob', 'again']);
  await w.api('PATCH', `moderation/flagged-messages/${flagged.id}`, { status: 'disapproved' });
  const [moderated] = await cy.expect('onMessageModerated');
  assert.equal(String(moderated.getId()), flagged.id);
  const seen = await list(cy, (b) => b.setGUID('room').setCategory('message').setLimit(50)).fetchPrevious();
  assert.ok(seen.length > 3 && !texts(seen).includes('buy now'));
});
