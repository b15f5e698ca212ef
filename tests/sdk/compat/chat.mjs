// Messages, what happens to them, and everything of the moment, between two users of the same client.

import { note } from '../clients.mjs';
import { assert, hears, row, until } from './engine.mjs';

const id = (message) => String(message.getId());
const is = (message) => (other) => id(other) === id(message);
const tells = (name) => `MessageListener.${name}`;

async function heardText(c, send) {
  const sent = await send();
  const got = await hears(c.bob, 'onTextMessageReceived', is(sent));
  assert.equal(got.getText(), sent.getText());
  assert.equal(got.getSender().getUid(), 'ann');
  return sent;
}

const text = (c, words, to = 'bob', type = 'user') => new c.client.TextMessage(to, words, type);

row(['CometChat.sendMessage', tells('onTextMessageReceived')], async (c) => {
  const message = text(c, 'hello');
  message.setMetadata({ k: 1 });
  message.setTags(['t']);
  const muid = c.fresh('muid');
  message.setMuid(muid);
  const sent = await heardText(c, () => c.ann.sdk.sendMessage(message));
  assert.deepEqual(sent.getMetadata(), { k: 1 });
  assert.equal(sent.getMuid(), muid);
  const guid = await c.group();
  const there = await c.ann.sdk.sendMessage(text(c, 'hello all', guid, 'group'));
  assert.equal((await hears(c.bob, 'onTextMessageReceived', is(there))).getReceiverId(), guid);
});
row('CometChat.sendDirectMessage', (c) => heardText(c, () => c.ann.sdk.sendDirectMessage(text(c, 'direct'))));
row('CometChat.sendGroupMessage', async (c) => {
  const guid = await c.group();
  await heardText(c, () => c.ann.sdk.sendGroupMessage(text(c, 'to the group', guid, 'group')));
});
row(['CometChat.sendCustomMessage', tells('onCustomMessageReceived')], async (c) => {
  const message = new c.client.CustomMessage('bob', 'user', 'place', { lat: 1 });
  const sent = await c.ann.sdk.sendCustomMessage(message);
  const got = await hears(c.bob, 'onCustomMessageReceived', is(sent));
  assert.deepEqual(got.getCustomData?.() ?? got.getData().customData, { lat: 1 });
});
row(['CometChat.sendMediaMessage', tells('onMediaMessageReceived')], async (c) => {
  const message = new c.client.MediaMessage('bob', note(c.ann), 'file', 'user');
  const sent = await c.ann.sdk.sendMediaMessage(message);
  const got = await hears(c.bob, 'onMediaMessageReceived', is(sent));
  const attachment = got.getAttachment();
  assert.equal(attachment.getName(), 'note.txt');
  const kept = await c.w.fetch(attachment.getUrl());
  assert.equal(await kept.text(), 'five!');
  const linked = new c.client.MediaMessage('bob', '', 'image', 'user');
  linked.setAttachment(new c.client.Attachment({ name: 'a', extension: 'png', mimeType: 'image/png', url: 'https://files.example/a.png' }));
  const second = await c.ann.sdk.sendMediaMessage(linked);
  assert.equal((await hears(c.bob, 'onMediaMessageReceived', is(second))).getAttachment().getUrl(), 'https://files.example/a.png');
});
row(['CometChat.createUploadFileRequest', 'UploadFileRequest.uploadAttachment'], async (c) => {
  const request = c.ann.client.createUploadFileRequest('bob', 'user');
  const attachment = await new Promise((resolve, reject) => {
    const listener = new c.client.UploadFileListener({
      onFileUploaded: (_, attachment) => resolve(attachment),
      onFileError: (_, error) => reject(error),
      onFileFailure: (_, error) => reject(error),
    });
    request.uploadAttachment('one', new File(['abc'], 'a.txt', { type: 'text/plain' }), listener);
  });
  assert.equal(attachment.getName(), 'a.txt');
  const message = new c.client.MediaMessage('bob', '', 'file', 'user');
  message.setAttachments([attachment]);
  const sent = await c.ann.sdk.sendMediaMessage(message);
  await hears(c.bob, 'onMediaMessageReceived', is(sent));
});
row('CometChat.getMaxAttachmentCount', async (c) => assert.equal(await c.ann.sdk.getMaxAttachmentCount(), 10));

const form = (c) => {
  const message = new c.client.InteractiveMessage('bob', 'user', 'form', { elements: [] });
  message.setInteractionGoal?.(new c.client.InteractionGoal('anyOf', ['ok']));
  return message;
};
row(['CometChat.sendInteractiveMessage', tells('onInteractiveMessageReceived')], async (c) => {
  const sent = await c.ann.sdk.sendInteractiveMessage(form(c));
  await hears(c.bob, 'onInteractiveMessageReceived', is(sent));
});
row(['CometChat.markAsInteracted', tells('onInteractionGoalCompleted')], async (c) => {
  const sent = await c.ann.sdk.sendInteractiveMessage(form(c));
  await hears(c.bob, 'onInteractiveMessageReceived', is(sent));
  await c.bob.sdk.markAsInteracted(sent.getId(), 'ok');
  const receipt = await hears(c.ann, 'onInteractionGoalCompleted', (one) => String(one.getMessageId()) === id(sent));
  assert.equal(receipt.getSender().getUid(), 'bob');
});
row(['CometChat.editMessage', tells('onMessageEdited')], async (c) => {
  const sent = await heardText(c, () => c.ann.say('bob', 'drat'));
  const change = text(c, 'draft');
  change.setId(sent.getId());
  const edited = await c.ann.sdk.editMessage(change);
  assert.equal(edited.getText(), 'draft');
  const got = await hears(c.bob, 'onMessageEdited', is(sent));
  assert.equal(got.getText(), 'draft');
  assert.equal(got.getEditedBy(), 'ann');
});
row(['CometChat.deleteMessage', tells('onMessageDeleted')], async (c) => {
  const sent = await heardText(c, () => c.ann.say('bob', 'oops'));
  const deleted = await c.ann.sdk.deleteMessage(sent.getId());
  assert.equal(id(deleted), id(sent));
  const got = await hears(c.bob, 'onMessageDeleted', is(sent));
  assert.equal(got.getDeletedBy(), 'ann');
});
row('CometChat.getMessageDetails', async (c) => {
  const sent = await c.ann.say('bob', 'find me');
  assert.equal((await c.bob.sdk.getMessageDetails(sent.getId())).getText(), 'find me');
});
row(['CometChat.getMessageReceipts', 'CometChat.markAsDelivered', tells('onMessagesDelivered')], async (c) => {
  const guid = await c.group();
  const sent = await c.ann.say(guid, 'seen?', { type: 'group' });
  const got = await hears(c.bob, 'onTextMessageReceived', is(sent));
  c.bob.sdk.markAsDelivered(got);
  const receipt = await hears(c.ann, 'onMessagesDelivered', (one) => String(one.getMessageId()) === id(sent));
  assert.equal(receipt.getSender().getUid(), 'bob');
  const receipts = await c.ann.sdk.getMessageReceipts(sent.getId());
  assert.deepEqual(receipts.map((one) => one.getSender().getUid()), ['bob']);
  assert.ok(receipts[0].getDeliveredAt());
});
row(['CometChat.markAsRead', tells('onMessagesRead')], async (c) => {
  const sent = await heardText(c, () => c.ann.say('bob', 'read me'));
  const got = await c.bob.sdk.getMessageDetails(sent.getId());
  c.bob.sdk.markAsRead(got);
  const receipt = await hears(c.ann, 'onMessagesRead', (one) => String(one.getMessageId()) === id(sent));
  assert.equal(receipt.getSender().getUid(), 'bob');
  // The older way to call it.
  const again = await heardText(c, () => c.ann.say('bob', 'read me, too'));
  c.bob.sdk.markAsRead(id(again), 'ann', 'user', 'ann');
  await hears(c.ann, 'onMessagesRead', (one) => String(one.getMessageId()) === id(again));
});
row([tells('onMessagesDeliveredToAll'), tells('onMessagesReadByAll')], async (c) => {
  const guid = await c.group();
  const sent = await c.ann.say(guid, 'all?', { type: 'group' });
  const got = await hears(c.bob, 'onTextMessageReceived', is(sent));
  c.bob.sdk.markAsDelivered(got);
  await hears(c.ann, 'onMessagesDeliveredToAll', (one) => String(one.getMessageId()) === id(sent));
  c.bob.sdk.markAsRead(got);
  await hears(c.ann, 'onMessagesReadByAll', (one) => String(one.getMessageId()) === id(sent));
});
row('CometChat.markConversationAsDelivered', async (c) => {
  const sent = await heardText(c, () => c.ann.say('bob', 'one by one'));
  await c.bob.sdk.markConversationAsDelivered('ann', 'user');
  await hears(c.ann, 'onMessagesDelivered', (one) => String(one.getMessageId()) === id(sent));
});
row('CometChat.markConversationAsRead', async (c) => {
  const sent = await heardText(c, () => c.ann.say('bob', 'all at once'));
  await c.bob.sdk.markConversationAsRead('ann', 'user');
  await hears(c.ann, 'onMessagesRead', (one) => String(one.getMessageId()) === id(sent));
});

/** bob's unread messages of ann, as a client counts them. */
const unread = async (c) => (await c.bob.sdk.getUnreadMessageCountForUser('ann')).ann ?? 0;

async function allRead(c) {
  await c.api('POST', 'users/ann/conversation/read', {}, 'bob');
  await until('nothing unread', async () => (await unread(c)) === 0);
}

row('CometChat.getUnreadMessageCountForUser', async (c) => {
  await c.ann.say('bob', 'zero');
  await allRead(c);
  await c.ann.say('bob', 'one');
  assert.equal(await unread(c), 1);
});
row('CometChat.getUnreadMessageCountForAllUsers', async (c) => {
  await c.ann.say('bob', 'zero');
  await allRead(c);
  await c.ann.say('bob', 'one');
  assert.equal((await c.bob.sdk.getUnreadMessageCountForAllUsers()).ann, 1);
});
row(['CometChat.getUnreadMessageCountForGroup', 'CometChat.getUnreadMessageCountForAllGroups', 'CometChat.getUnreadMessageCount'], async (c) => {
  const guid = await c.group();
  await c.ann.say(guid, 'in the group', { type: 'group' });
  assert.ok((await c.bob.sdk.getUnreadMessageCountForGroup(guid))[guid] >= 1);
  assert.ok((await c.bob.sdk.getUnreadMessageCountForAllGroups())[guid] >= 1);
  const both = await c.bob.sdk.getUnreadMessageCount();
  assert.ok(both.groups[guid] >= 1);
  assert.equal(typeof both.users, 'object');
});
for (const method of ['markAsUnread', 'markMessageAsUnread']) {
  row(`CometChat.${method}`, async (c) => {
    const sent = await heardText(c, () => c.ann.say('bob', 'later'));
    await allRead(c);
    await c.bob.sdk[method](await c.bob.sdk.getMessageDetails(sent.getId()));
    assert.equal(await unread(c), 1);
  });
}
row('CometChat.getLastDeliveredMessageId', async (c) => {
  const sent = await heardText(c, () => c.ann.say('bob', 'the last one'));
  const known = Number(await c.bob.sdk.getLastDeliveredMessageId());
  assert.ok(known === 0 || known <= Number(id(sent)) || Number.isNaN(known), `${known}`);
});

row(['CometChat.startTyping', tells('onTypingStarted')], async (c) => {
  const typing = new c.client.TypingIndicator('bob', 'user', { m: 1 });
  c.ann.sdk.startTyping(typing);
  const heard = await hears(c.bob, 'onTypingStarted');
  assert.equal(heard.getSender().getUid(), 'ann');
  assert.deepEqual(heard.getMetadata(), { m: 1 });
  c.ann.sdk.endTyping(typing);
  await hears(c.bob, 'onTypingEnded');
});
row(['CometChat.endTyping', tells('onTypingEnded')], async (c) => {
  const typing = new c.client.TypingIndicator('bob', 'user');
  c.ann.sdk.startTyping(typing);
  await hears(c.bob, 'onTypingStarted');
  c.ann.sdk.endTyping(typing);
  assert.equal((await hears(c.bob, 'onTypingEnded')).getSender().getUid(), 'ann');
});
row(['CometChat.sendTransientMessage', tells('onTransientMessageReceived')], async (c) => {
  c.ann.sdk.sendTransientMessage(new c.client.TransientMessage('bob', 'user', { wave: 1 }));
  assert.deepEqual((await hears(c.bob, 'onTransientMessageReceived')).getData(), { wave: 1 });
});

row(['CometChat.addReaction', tells('onMessageReactionAdded')], async (c) => {
  const sent = await heardText(c, () => c.ann.say('bob', 'like me'));
  const liked = await c.bob.sdk.addReaction(sent.getId(), '👍');
  assert.deepEqual(liked.getReactions().map((one) => [one.getReaction(), one.getCount(), one.getReactedByMe()]), [['👍', 1, true]]);
  const event = await hears(c.ann, 'onMessageReactionAdded');
  assert.equal(event.getReaction().getReactedBy().getUid(), 'bob');
  assert.equal(event.getReaction().getReaction(), '👍');
});
row(['CometChat.removeReaction', tells('onMessageReactionRemoved')], async (c) => {
  const sent = await heardText(c, () => c.ann.say('bob', 'unlike me'));
  await c.bob.sdk.addReaction(sent.getId(), '👍');
  await hears(c.ann, 'onMessageReactionAdded');
  const plain = await c.bob.sdk.removeReaction(sent.getId(), '👍');
  assert.deepEqual(plain.getReactions(), []);
  await hears(c.ann, 'onMessageReactionRemoved');
});
row(tells('onMessageModerated'), async (c) => {
  const sent = await heardText(c, () => c.ann.say('bob', 'rude'));
  await c.api('POST', `messages/${id(sent)}/flagged`, { reasonId: 'spam' }, 'bob');
  await c.api('PATCH', `moderation/flagged-messages/${id(sent)}`, { status: 'disapproved' }).catch(() =>
    c.api('PATCH', `moderation/flagged-messages/${id(sent)}`, { action: 'disapprove' }));
  await hears(c.bob, 'onMessageModerated', is(sent));
});
row('TextMessage.getModerationStatus', async (c) => {
  const status = (message) => message.getModerationStatus();
  const rule = c.fresh('rule');
  const looks = { operand: 'text', category: 'word', operator: 'contains', value: ['gadzooks'] };
  await c.api('POST', 'moderation/rules', { id: rule, name: 'No oaths', enabled: true, conditions: [looks] });
  const blocked = await c.ann.say('bob', 'gadzooks');
  assert.equal(status(blocked), 'disapproved');
  assert.equal(status(await hears(c.ann, 'onMessageModerated', is(blocked))), 'disapproved');
  const sent = await c.ann.say('bob', 'good heavens');
  assert.equal(status(sent), 'approved');
  assert.equal(status(await hears(c.bob, 'onTextMessageReceived', is(sent))), 'approved');
  await c.api('PATCH', `moderation/blocked-messages/${id(blocked)}`, { status: 'approved' });
  assert.equal(status(await hears(c.bob, 'onTextMessageReceived', is(blocked))), 'approved');
  await c.api('DELETE', `moderation/rules/${rule}`);
  assert.equal(status(await c.ann.say('bob', 'gadzooks')), 'unmoderated');
});
row('CometChat.getFlagReasons', async (c) => {
  const reasons = await c.ann.sdk.getFlagReasons();
  assert.ok(reasons.length > 0 && reasons.every((reason) => reason.id));
});
row('CometChat.flagMessage', async (c) => {
  const sent = await heardText(c, () => c.ann.say('bob', 'flag me'));
  const [reason] = await c.bob.sdk.getFlagReasons();
  await c.bob.sdk.flagMessage(id(sent), { reasonId: reason.id, remark: 'please' });
  const flagged = await c.api('GET', 'moderation/flagged-messages');
  assert.ok(flagged.some((one) => String(one.id ?? one.message?.id) === id(sent)));
});

// ---------------------------------------------------------------------------------------------
// Kept

row(['CometChat.pinMessage', tells('onMessagePinned')], async (c) => {
  const sent = await heardText(c, () => c.ann.say('bob', 'pin me'));
  assert.ok((await c.ann.sdk.pinMessage(sent.getId())).getPinnedAt());
  await hears(c.bob, 'onMessagePinned', is(sent));
});
row(['CometChat.unpinMessage', tells('onMessageUnpinned')], async (c) => {
  const sent = await heardText(c, () => c.ann.say('bob', 'unpin me'));
  await c.ann.sdk.pinMessage(sent.getId());
  await c.ann.sdk.unpinMessage(sent.getId());
  await hears(c.bob, 'onMessageUnpinned', is(sent));
});
row(['CometChat.saveMessage', tells('onMessageSaved')], async (c) => {
  const sent = await c.ann.say('bob', 'save me');
  const other = await c.device('ann');
  assert.ok((await c.ann.sdk.saveMessage(sent.getId())).getSavedAt());
  await hears(other, 'onMessageSaved', is(sent));
  other.close();
});
row(['CometChat.unsaveMessage', tells('onMessageUnsaved')], async (c) => {
  const sent = await c.ann.say('bob', 'unsave me');
  const other = await c.device('ann');
  await c.ann.sdk.saveMessage(sent.getId());
  await c.ann.sdk.unsaveMessage(sent.getId());
  await hears(other, 'onMessageUnsaved', is(sent));
  other.close();
});
row('CometChat.subscribeToThread', async (c) => {
  const parent = await c.ann.say('bob', 'a parent');
  assert.ok(await c.bob.sdk.subscribeToThread(parent.getId()));
});
row('CometChat.unsubscribeFromThread', async (c) => {
  const parent = await c.ann.say('bob', 'a parent');
  await c.bob.sdk.subscribeToThread(parent.getId());
  assert.ok(await c.bob.sdk.unsubscribeFromThread(parent.getId()));
});
for (const [method, on] of [['isPinMessageEnabled', true], ['isSaveMessageEnabled', true], ['isPinConversationEnabled', true]]) {
  row(`CometChat.${method}`, async (c) => assert.equal(await c.ann.sdk[method](), on));
}
for (const method of ['getPinnedMessagesLimit', 'getSystemPinnedMessagesLimit', 'getSavedMessagesLimit', 'getPinnedConversationsLimit', 'getSystemPinnedConversationsLimit']) {
  row(`CometChat.${method}`, async (c) => assert.ok((await c.ann.sdk[method]()) > 0));
}

// ---------------------------------------------------------------------------------------------
// Conversations

row('CometChat.getConversation', async (c) => {
  await c.ann.say('bob', 'a conversation');
  const found = await c.ann.sdk.getConversation('bob', 'user');
  assert.equal(found.getConversationId(), 'ann_user_bob');
  assert.equal(found.getConversationWith().getUid(), 'bob');
  assert.equal(found.getLastMessage().getText(), 'a conversation');
});
row('CometChat.tagConversation', async (c) => {
  await c.ann.say('bob', 'tag this');
  const tagged = await c.ann.sdk.tagConversation('bob', 'user', ['urgent']);
  assert.deepEqual(tagged.getTags(), ['urgent']);
});
row('CometChat.deleteConversation', async (c) => {
  const guid = await c.group();
  await c.ann.say(guid, 'gone soon', { type: 'group' });
  await c.ann.sdk.deleteConversation(guid, 'group');
  const left = await new c.client.MessagesRequestBuilder().setGUID(guid).setLimit(5).build().fetchPrevious();
  assert.deepEqual(left, []);
});
row(['CometChat.pinConversation', 'ConversationListener.onConversationPinned'], async (c) => {
  await c.ann.say('bob', 'pin this');
  const other = await c.device('ann');
  assert.ok((await c.ann.sdk.pinConversation('bob', 'user')).getPinnedAt());
  await hears(other, 'onConversationPinned');
  await c.ann.sdk.unpinConversation('bob', 'user');
  other.close();
});
row(['CometChat.unpinConversation', 'ConversationListener.onConversationUnpinned'], async (c) => {
  await c.ann.say('bob', 'unpin this');
  const other = await c.device('ann');
  await c.ann.sdk.pinConversation('bob', 'user');
  await c.ann.sdk.unpinConversation('bob', 'user');
  await hears(other, 'onConversationUnpinned');
  other.close();
});
row('CometChat.getConversationUpdateSettings', async (c) => {
  const settings = await c.ann.sdk.getConversationUpdateSettings();
  assert.equal(typeof settings.shouldUpdateOnCallActivities(), 'boolean');
});

// ---------------------------------------------------------------------------------------------
// Listeners by name

const LISTENERS = { Message: 'onTextMessageReceived', Group: 'onGroupMemberJoined', Call: 'onIncomingCallReceived', User: 'onUserOnline' };
row(['CometChat.addMessageListener', 'CometChat.removeMessageListener'], async (c) => {
  const heard = [];
  c.bob.client.addMessageListener('second', new c.bob.client.MessageListener({ [LISTENERS.Message]: (message) => heard.push(message) }));
  await heardText(c, () => c.ann.say('bob', 'both listen'));
  assert.equal(heard.length, 1);
  c.bob.client.removeMessageListener('second');
  await heardText(c, () => c.ann.say('bob', 'one listens'));
  assert.equal(heard.length, 1);
});
