// Extensions, by the client's own callExtension: over real TLS to names below ext.localhost.

import { test, before, after, beforeEach } from 'node:test';
import assert from 'node:assert/strict';
import { World, refused } from './harness.mjs';

let w, ann, bob;

before(async () => {
  w = await World.open();
  [ann, bob] = [await w.device('ann'), await w.device('bob')];
  await w.api('POST', 'groups', { guid: 'team', name: 'Team', type: 'public', owner: 'ann' });
  await w.api('POST', 'groups/team/members', { participants: ['bob'] });
  await w.fresh(ann, bob);
});
beforeEach(() => w.forget(ann, bob));
after(() => w?.close());

const injected = (message, slug) => message.getMetadata()['@injected'].extensions[slug];
const isPoll = (message) => message.getType() === 'extension_poll';

for (const [receiverType, receiver] of [['user', 'bob'], ['group', 'team']]) {
  test(`a poll to a ${receiverType} is asked, answered and counted`, async () => {
    const ask = { question: 'Tea?', options: ['green', 'black'], receiver, receiverType, quotedMessageId: null };
    const made = await ann.sdk.callExtension('polls', 'POST', 'v2/create', ask);
    assert.equal(made.success, true, 'the kit closes its dialog only then');
    const polls = {};
    for (const device of [ann, bob]) {
      const [message] = await device.expect('onCustomMessageReceived', isPoll);
      assert.equal(message.getSender().getUid(), 'ann');
      assert.equal(message.getMetadata().incrementUnreadCount, true);
      const { id, question } = message.getCustomData();
      assert.deepEqual([id, question], [made.id, 'Tea?']);
      assert.equal(injected(message, 'polls').results.total, 0);
      polls[device.label] = message;
    }
    const id = polls.bob.getCustomData().id;
    for (const [option, counts] of [['2', [0, 1]], ['1', [1, 0]]]) {
      await bob.sdk.callExtension('polls', 'POST', 'v2/vote', { vote: option, id });
      for (const device of [ann, bob]) {
        const [message] = await device.expect('onMessageEdited');
        assert.equal(message.getId(), polls.bob.getId());
        assert.equal(message.getCategory(), 'custom');
        assert.equal(message.getSender().getUid(), 'ann', 'an edit leaves the sender as they are');
        assert.equal(message.getDeletedAt(), undefined);
        const { options, results } = injected(message, 'polls');
        assert.deepEqual(Object.values(options), ['green', 'black']);
        assert.deepEqual(Object.values(results.options).map((one) => one.count), counts);
        assert.deepEqual(Object.keys(results.options[option].voters), ['bob']);
        assert.equal(results.options[option].voters.bob.name, 'Bob');
      }
    }
    const results = await ann.sdk.callExtension('polls', 'GET', `v2/results?id=${id}`, null);
    assert.equal(results.polls.results.total, 1);
    await w.quiet(ann, bob);
  });
}

test('what is refused is told with a code, and soon', async () => {
  await refused(ann.sdk.callExtension('polls', 'POST', 'v2/create', { question: '' }), 'ERR_BAD_REQUEST');
  await refused(ann.sdk.callExtension('polls', 'POST', 'v2/vote', { id: 'none', vote: '1' }), 'ERR_POLL_NOT_FOUND');
  for (const slug of ['smart-reply', 'rich-media', 'e2ee', 'voice-transcription']) {
    await refused(ann.sdk.callExtension(slug, 'POST', 'v1/anything', {}), 'ERR_EXTENSION_NOT_FOUND');
    assert.equal(await ann.sdk.isExtensionEnabled(slug), false);
  }
  await w.quiet(ann, bob);
});

test('stickers are listed, and one is sent as the kit does', async () => {
  const { defaultStickers, customStickers } = await ann.sdk.callExtension('stickers', 'GET', 'v1/fetch', null);
  assert.ok(defaultStickers.length >= 10 && Array.isArray(customStickers));
  const [{ stickerUrl, stickerName }] = defaultStickers;
  const picture = await w.fetch(stickerUrl);
  assert.match(picture.headers.get('content-type'), /^image\/svg/);
  const message = new ann.client.CustomMessage('bob', 'user', 'extension_sticker', { sticker_url: stickerUrl, sticker_name: stickerName });
  message.setMetadata({ incrementUnreadCount: true });
  await ann.sdk.sendCustomMessage(message);
  const [heard] = await bob.expect('onCustomMessageReceived', (m) => m.getType() === 'extension_sticker');
  assert.equal(heard.getCustomData().sticker_url, stickerUrl);
});

test('the older pins are the pins', async () => {
  const message = await ann.say('bob', 'look here');
  await bob.expect('onTextMessageReceived');
  const msgId = Number(message.getId());
  assert.equal((await bob.sdk.callExtension('pin-message', 'POST', 'v1/pin', { msgId })).success, true);
  await ann.expect('onMessagePinned');
  await bob.expect('onMessagePinned');
  const { pinnedMessages } = await ann.sdk.callExtension('pin-message', 'GET', 'v1/fetch?receiverType=user&receiver=bob', null);
  assert.deepEqual(pinnedMessages.map((one) => one.id), [String(msgId)]);
  await ann.sdk.callExtension('pin-message', 'DELETE', 'v1/unpin', { msgId, receiverType: 'user', receiver: 'bob' });
  await bob.expect('onMessageUnpinned');
  await ann.expect('onMessageUnpinned');
  await w.quiet(ann, bob);
});

test('a reminder is set, listed, moved and sent by the bot', async () => {
  const soon = () => Date.now() + 600_000;
  const call = (method, path, body) => ann.sdk.callExtension('reminders', method, path, body);
  const made = await call('POST', 'v1/reminder', { about: 'tea', isCustom: true, timeInMS: Date.now() + 3600_000 });
  assert.ok(made.reminderId);
  const dropped = await call('POST', 'v1/reminder', { about: 'never', isCustom: true, timeInMS: Date.now() + 3600_000 });
  await call('DELETE', 'v1/reminder', { reminderId: dropped.reminderId });
  await call('PUT', 'v1/reminder', { reminderId: made.reminderId, about: 'more tea', isCustom: true, timeInMS: soon() });
  const list = await call('GET', 'v1/fetch', null);
  assert.deepEqual(list.map((one) => one.about), ['more tea']);
  await w.server.advance('10m');
  const [message] = await ann.expect('onCustomMessageReceived', (m) => m.getType() === 'extension_reminders');
  assert.equal(message.getSender().getUid(), 'cc_reminder_bot');
  assert.equal(message.getCustomData().about, 'more tea');
  assert.deepEqual(await call('GET', 'v1/fetch', null), []);
});

test('a message disappears', async () => {
  const message = await ann.say('bob', 'read this now');
  const msgId = message.getId();
  await ann.sdk.callExtension('disappearing-messages', 'DELETE', 'v1/disappear', { msgId, timeInMS: Date.now() + 3600_000 });
  await w.server.advance('1h');
  for (const device of [ann, bob]) {
    const [gone] = await device.expect('onMessageDeleted');
    assert.equal(String(gone.getId()), String(msgId));
  }
});

test('a document is not listed where the settings name no place for one', async () => {
  for (const slug of ['document', 'whiteboard', 'message-translation', 'link-preview']) {
    assert.equal(await ann.sdk.isExtensionEnabled(slug), false, slug);
  }
  await refused(ann.sdk.callExtension('document', 'POST', 'v1/create', { receiver: 'bob', receiverType: 'user' }), 'ERR_EXTENSION_NOT_FOUND');
});
