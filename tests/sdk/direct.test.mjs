// Messages between two people: what the sender gets back, what the other side hears, what the
// sender's other device hears, and that the sending device does not hear itself.

import { after, before, beforeEach, test } from 'node:test';
import assert from 'node:assert/strict';
import { World, refused, texts } from './harness.mjs';

let w, ann, ann2, bob, cy;
before(async () => {
  w = await World.open();
  ann = await w.device('ann');
  ann2 = await w.device('ann');
  bob = await w.device('bob');
  cy = await w.device('cy');
});
beforeEach(() => w.fresh(ann, ann2, bob, cy));
after(() => w?.close());

/** The same message as three devices see it must be the same message. */
function same(a, b) {
  for (const part of ['getId', 'getConversationId', 'getSentAt', 'getType', 'getCategory', 'getReceiverId', 'getReceiverType', 'getMuid']) {
    assert.equal(a[part](), b[part](), part);
  }
  assert.equal(a.getSender().getUid(), b.getSender().getUid());
}

test('a text there and an answer back', async () => {
  const sent = await ann.say('bob', 'hello bob', { metadata: { mood: 'good' }, tags: ['first'], muid: 'm-hello' });
  assert.ok(sent instanceof ann.client.TextMessage);
  assert.equal(sent.getText(), 'hello bob');
  assert.equal(sent.getSender().getUid(), 'ann');
  assert.equal(sent.getSender().getName(), 'Ann');
  assert.equal(sent.getReceiver().getUid(), 'bob');
  assert.equal(sent.getReceiver().getName(), 'Bob');
  assert.equal(sent.getReceiverId(), 'bob');
  assert.equal(sent.getReceiverType(), 'user');
  assert.equal(sent.getConversationId(), 'ann_user_bob');
  assert.equal(sent.getMuid(), 'm-hello');
  assert.deepEqual(sent.getMetadata(), { mood: 'good' });
  assert.deepEqual(sent.getTags(), ['first']);
  assert.ok(Number.isSafeInteger(Number(sent.getId())));
  assert.ok(Math.abs(sent.getSentAt() - Date.now() / 1000) < 120, 'seconds');

  const [heard] = await bob.expect('onTextMessageReceived');
  same(heard, sent);
  assert.equal(heard.getText(), 'hello bob');
  assert.deepEqual(heard.getMetadata(), { mood: 'good' });
  assert.equal(heard.getSender().getName(), 'Ann');
  assert.equal(heard.getReceiver().getUid(), 'bob');

  const [mirrored] = await ann2.expect('onTextMessageReceived');
  same(mirrored, sent);

  const answer = await bob.say('ann', 'hello ann');
  assert.equal(answer.getConversationId(), 'ann_user_bob', 'one conversation for both sides');
  assert.ok(Number(answer.getId()) > Number(sent.getId()), 'ids rise');
  for (const device of [ann, ann2]) same((await device.expect('onTextMessageReceived'))[0], answer);
  await w.quiet(ann, ann2, bob, cy);
});

test('what comes over the socket carries no secret of the sender', async () => {
  await ann.say('bob', 'look inside');
  await bob.expect('onTextMessageReceived', (m) => m.getText() === 'look inside');
  const { authToken, jwt } = JSON.parse(ann.requests.find((r) => r.path.endsWith('/me')).answer).data;
  for (const frame of bob.frames.filter((f) => f.way === 'in ')) {
    assert.ok(!frame.text.includes(authToken) && !frame.text.includes(jwt));
  }
});

test('texts of many kinds arrive as they were', async () => {
  for (const text of ['ünïcödé ✓ 漢字 🙂👩‍👩‍👧', 'line one\nline two\t"quoted" \\ \u2028', '<b>&amp;</b> %20 %zz', 'x'.repeat(1000)]) {
    const sent = await ann.say('bob', text);
    assert.equal(sent.getText(), text);
    const [heard] = await bob.expect('onTextMessageReceived');
    assert.equal(heard.getText(), text);
  }
});

test('a burst arrives once each, in the same order everywhere', async () => {
  const burst = Array.from({ length: 40 }, (_, n) => `burst ${n}`);
  const sent = await Promise.all(burst.map((text, n) => (n % 2 ? bob.say('ann', text) : ann.say('bob', text))));
  await w.fence(ann, ann2, bob);
  const ids = (device) => device.heard.filter((e) => e.name === 'onTextMessageReceived').map((e) => Number(e.args[0].getId()));
  const mirror = ids(ann2);
  assert.deepEqual(mirror, sent.map((m) => Number(m.getId())).sort((a, b) => a - b), 'a device that sent none of them hears all');
  for (const [device, own] of [[ann, 'ann'], [bob, 'bob']]) {
    const others = sent.filter((m) => m.getSender().getUid() !== own).map((m) => Number(m.getId())).sort((a, b) => a - b);
    assert.deepEqual(ids(device), others);
  }
});

test('a message can be read by its id', async () => {
  const sent = await ann.say('bob', 'find me');
  for (const device of [ann, bob]) {
    const found = await device.sdk.getMessageDetails(sent.getId());
    same(found, sent);
    assert.equal(found.getText(), 'find me');
  }
  await refused(cy.sdk.getMessageDetails(sent.getId()), 'ERR_MESSAGE_NO_ACCESS', 'ERR_MESSAGE_ID_NOT_FOUND');
  await refused(ann.sdk.getMessageDetails('999999999'), 'ERR_MESSAGE_ID_NOT_FOUND');
});

test('no such receiver', async () => {
  await refused(ann.say('nobody', 'anyone?'), 'ERR_UID_NOT_FOUND');
  await w.quiet(ann, ann2);
});

test('sent again with the same muid, it is still one message', async () => {
  const first = await ann.say('bob', 'just once', { muid: 'retry-1' });
  const again = await ann.say('bob', 'just once', { muid: 'retry-1' });
  assert.equal(again.getId(), first.getId());
  assert.equal(again.getSentAt(), first.getSentAt());
  const [heard] = await bob.expect('onTextMessageReceived');
  assert.equal(heard.getMuid(), 'retry-1');
  await ann2.expect('onTextMessageReceived');
  await w.quiet(ann, ann2, bob);

  const racing = await Promise.all(Array.from({ length: 5 }, () => ann.say('bob', 'racing', { muid: 'retry-2' })));
  assert.equal(new Set(racing.map((m) => String(m.getId()))).size, 1);
  await bob.expect('onTextMessageReceived', (m) => m.getText() === 'racing');
  await ann2.expect('onTextMessageReceived', (m) => m.getText() === 'racing');
  await w.quiet(ann, ann2, bob);

  const other = await bob.say('ann', 'my own', { muid: 'retry-1' });
  assert.notEqual(other.getId(), first.getId(), 'a muid belongs to its sender');
});

test('edit', async () => {
  const sent = await ann.say('bob', 'drat', { metadata: { keep: 1 }, tags: ['t'] });
  await bob.expect('onTextMessageReceived');
  await ann2.expect('onTextMessageReceived');

  const change = new ann.client.TextMessage('bob', 'draft', 'user');
  change.setId(sent.getId());
  change.setTags(['edited']);
  const edited = await ann.sdk.editMessage(change);
  assert.equal(edited.getId(), sent.getId());
  assert.equal(edited.getText(), 'draft');
  assert.equal(edited.getEditedBy(), 'ann');
  assert.ok(edited.getEditedAt() >= sent.getSentAt());
  assert.equal(edited.getSentAt(), sent.getSentAt());
  assert.equal(edited.getSender().getUid(), 'ann');

  for (const device of [bob, ann2]) {
    const [heard] = await device.expect('onMessageEdited');
    same(heard, sent);
    assert.equal(heard.getText(), 'draft');
    assert.equal(heard.getEditedBy(), 'ann');
    assert.equal(heard.getSender().getUid(), 'ann');
    assert.equal(heard.getReceiver().getUid(), 'bob');
  }
  const found = await bob.sdk.getMessageDetails(sent.getId());
  assert.equal(found.getText(), 'draft');
  assert.ok(found.getEditedAt());
  await w.quiet(ann, ann2, bob, cy);

  const foreign = new bob.client.TextMessage('ann', 'not yours', 'user');
  foreign.setId(sent.getId());
  await refused(bob.sdk.editMessage(foreign), 'ERR_MESSAGE_NOT_A_SENDER');
  assert.equal((await bob.sdk.getMessageDetails(sent.getId())).getText(), 'draft');
  await w.quiet(ann, bob);
});

test('edit of the very message the client holds', async () => {
  const sent = await ann.say('bob', 'as sent');
  sent.setText('as changed');
  const edited = await ann.sdk.editMessage(sent);
  assert.equal(edited.getText(), 'as changed');
  const [heard] = await bob.expect('onMessageEdited');
  assert.equal(heard.getText(), 'as changed');
  assert.equal(heard.getReceiver().getUid(), 'bob');
});

test('delete', async () => {
  const sent = await ann.say('bob', 'regret', { metadata: { a: 1 } });
  await bob.expect('onTextMessageReceived');
  await ann2.expect('onTextMessageReceived');
  await refused(bob.sdk.deleteMessage(sent.getId()), 'ERR_MESSAGE_NOT_A_SENDER');

  const deleted = await ann.sdk.deleteMessage(sent.getId());
  assert.equal(deleted.getId(), sent.getId());
  assert.equal(deleted.getDeletedBy(), 'ann');
  assert.ok(deleted.getDeletedAt() >= sent.getSentAt());

  for (const device of [bob, ann2]) {
    const [heard] = await device.expect('onMessageDeleted');
    same(heard, sent);
    assert.equal(heard.getDeletedBy(), 'ann');
    assert.ok(heard.getDeletedAt());
    assert.equal(heard.getSender().getUid(), 'ann');
    assert.ok(!JSON.stringify(heard).includes('regret'), 'the text is gone');
  }
  const found = await bob.sdk.getMessageDetails(sent.getId());
  assert.ok(found.getDeletedAt());
  assert.ok(!JSON.stringify(found).includes('regret'));
  await w.quiet(ann, ann2, bob, cy);
  await refused(ann.sdk.deleteMessage('999999999'), 'ERR_MESSAGE_ID_NOT_FOUND');
});

test('a custom message', async () => {
  const place = new ann.client.CustomMessage('bob', 'user', 'location', { lat: 52.5, lon: 13.4, nested: { list: [1, null, 'x'] } });
  place.setSubType('pin');
  place.setConversationText('a place');
  place.setMetadata({ m: true });
  place.setTags(['geo']);
  const sent = await ann.sdk.sendCustomMessage(place);
  assert.ok(sent instanceof ann.client.CustomMessage);
  assert.equal(sent.getCategory(), 'custom');
  assert.equal(sent.getType(), 'location');
  for (const device of [bob, ann2]) {
    const [heard] = await device.expect('onCustomMessageReceived');
    same(heard, sent);
    assert.deepEqual(heard.getCustomData(), { lat: 52.5, lon: 13.4, nested: { list: [1, null, 'x'] } });
    assert.equal(heard.getSubType(), 'pin');
    assert.equal(heard.getConversationText(), 'a place');
    assert.deepEqual(heard.getMetadata(), { m: true });
    assert.equal(heard.getSender().getUid(), 'ann');
  }
  const found = await bob.sdk.getMessageDetails(sent.getId());
  assert.deepEqual(found.getCustomData(), { lat: 52.5, lon: 13.4, nested: { list: [1, null, 'x'] } });
  await w.quiet(ann, ann2, bob);
});

const form = (client, receiver, goal, ids) => {
  const fields = {
    title: 'Lunch?',
    formFields: [{ elementType: 'label', elementId: 'l', text: 'Are you in?' }],
    submitElement: { elementType: 'button', elementId: 'ok', buttonText: 'OK', action: { actionType: 'urlNavigation', url: 'https://app.example' } },
  };
  const message = new client.InteractiveMessage(receiver, 'user', 'form', fields);
  message.setInteractionGoal(new client.InteractionGoal(goal, ids));
  message.setMetadata({ deep: { er: 1 } });
  return message;
};

test('an interactive message is sent, answered and its author told', async () => {
  const sent = await ann.sdk.sendInteractiveMessage(form(ann.client, 'bob', 'anyOf', ['ok', 'no']));
  assert.ok(sent instanceof ann.client.InteractiveMessage);
  assert.equal(sent.getCategory(), 'interactive');
  for (const device of [bob, ann2]) {
    const [heard] = await device.expect('onInteractiveMessageReceived');
    same(heard, sent);
    assert.equal(heard.getInteractiveData().title, 'Lunch?');
    assert.equal(heard.getInteractiveData().submitElement.elementId, 'ok');
    assert.equal(heard.getInteractionGoal().getType(), 'anyOf');
    assert.deepEqual(heard.getInteractionGoal().getElementIds(), ['ok', 'no']);
  }
  await w.quiet(ann);

  await bob.sdk.markAsInteracted(sent.getId(), 'ok');
  for (const device of [ann, ann2]) {
    const [receipt] = await device.expect('onInteractionGoalCompleted');
    assert.equal(String(receipt.getMessageId()), String(sent.getId()));
    assert.equal(receipt.getSender().getUid(), 'bob');
    assert.deepEqual(receipt.getInteractions().map((i) => i.getElementId()), ['ok']);
  }
  const found = await bob.sdk.getMessageDetails(sent.getId());
  assert.deepEqual(found.getInteractions().map((i) => i.getElementId()), ['ok']);
  assert.ok(found.getInteractions()[0].getInteractedAt() >= sent.getSentAt());
  assert.deepEqual((await ann.sdk.getMessageDetails(sent.getId())).getInteractions(), [], 'what bob clicked is bob\'s');
  await w.quiet(ann, ann2, bob);
});

test('a goal of several elements is reached only with the last', async () => {
  const sent = await ann.sdk.sendInteractiveMessage(form(ann.client, 'bob', 'allOf', ['a', 'b']));
  await bob.expect('onInteractiveMessageReceived');
  await ann2.expect('onInteractiveMessageReceived');
  await bob.sdk.markAsInteracted(sent.getId(), 'a');
  await w.quiet(ann, ann2);
  await bob.sdk.markAsInteracted(sent.getId(), 'b');
  const [receipt] = await ann.expect('onInteractionGoalCompleted');
  assert.deepEqual(receipt.getInteractions().map((i) => i.getElementId()).sort(), ['a', 'b']);
  await refused(cy.sdk.markAsInteracted(sent.getId(), 'a'), 'ERR_MESSAGE_NO_ACCESS', 'ERR_MESSAGE_ID_NOT_FOUND');
});

test('a reply in a thread and a quote', async () => {
  const parent = await ann.say('bob', 'the question');
  await bob.expect('onTextMessageReceived');
  const reply = await bob.say('ann', 'the answer', { parentMessageId: parent.getId() });
  assert.equal(Number(reply.getParentMessageId()), Number(parent.getId()));
  const [heard] = await ann.expect('onTextMessageReceived', (m) => m.getText() === 'the answer');
  assert.equal(Number(heard.getParentMessageId()), Number(parent.getId()));
  assert.equal((await ann.sdk.getMessageDetails(parent.getId())).getReplyCount(), 1);
  const thread = new ann.client.MessagesRequestBuilder().setParentMessageId(parent.getId()).setLimit(10).build();
  assert.deepEqual(texts(await thread.fetchPrevious()), ['the answer']);

  const quote = await bob.say('ann', 'as you said', { quotedMessageId: parent.getId() });
  assert.equal(quote.getQuotedMessage().getText(), 'the question');
  const [quoted] = await ann.expect('onTextMessageReceived', (m) => m.getText() === 'as you said');
  assert.equal(quoted.getQuotedMessage().getText(), 'the question');
  assert.equal(quoted.getQuotedMessage().getSender().getUid(), 'ann');
});

test('a mention', async () => {
  await ann.say('bob', 'ask <@uid:bob> about it');
  const [heard] = await bob.expect('onTextMessageReceived');
  assert.deepEqual(heard.getMentionedUsers().map((u) => u.getUid()), ['bob']);
  assert.equal(heard.hasMentionedMe(), true);
});
