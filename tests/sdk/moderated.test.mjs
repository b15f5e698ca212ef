// Moderation as clients live through it: what the sender is told, what the others are not, and what they hear once a moderator lets a
// message pass. With each client that has a listener for it; the ones before that have none are to be left in peace.

import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { World, pages, refused, texts } from './harness.mjs';
import { CURRENT } from './page.mjs';

const status = (message) => message.getModerationStatus();

/** What a client has of a list of messages, oldest first. */
const history = async (device, build) => {
  const request = build(new device.client.MessagesRequestBuilder().setCategories(['message', 'custom']).setLimit(50)).build();
  return (await pages(request, 'fetchPrevious')).reverse().flat();
};

const forbid = (w, words, more = {}) => w.api('POST', 'moderation/rules', {
  id: words[0], name: `No ${words[0]}`, enabled: true, conditions: [{ operand: 'text', category: 'word', operator: 'contains', value: words }], ...more,
});

for (const sdk of [CURRENT, 'sdk-4.1.13', 'sdk-4.1.7', 'sdk-4.1.1', 'native-4.0.21']) {
  describe(`moderation with ${sdk}`, () => {
    let w, ann, ann2, bob, cy;
    before(async () => {
      w = await World.open();
      [ann, ann2, bob, cy] = [await w.device('ann', { sdk }), await w.device('ann', { sdk }), await w.device('bob', { sdk }), await w.device('cy', { sdk })];
      await w.api('POST', 'groups', { guid: 'room', name: 'Room', type: 'public', owner: 'ann', members: { participants: ['bob', 'cy'] } });
    });
    after(() => w?.close());

    test('where there are no rules nothing is moderated', async () => {
      assert.equal(status(await ann.say('bob', 'darn it')), 'unmoderated');
      assert.equal(status((await bob.expect('onTextMessageReceived'))[0]), 'unmoderated');
      await forbid(w, ['darn']);
      await w.fresh(ann, ann2, bob, cy);
    });

    test('what passes says so, to the sender and to the other', async () => {
      assert.equal(status(await ann.say('bob', 'hello')), 'approved');
      const [heard] = await bob.expect('onTextMessageReceived');
      assert.deepEqual([heard.getText(), status(heard)], ['hello', 'approved']);
      assert.equal(status((await ann2.expect('onTextMessageReceived'))[0]), 'approved');
      const picture = new ann.client.CustomMessage('bob', 'user', 'place', { at: 'home' });
      assert.equal((await ann.sdk.sendCustomMessage(picture)).getData().moderation.status, 'approved');
      await bob.expect('onCustomMessageReceived');
      await w.fresh(ann, ann2, bob, cy);
    });

    test('what is blocked its sender knows, on each device, and nobody else', async () => {
      const sent = await ann.say('bob', 'Darn!');
      assert.equal(status(sent), 'disapproved');
      for (const device of [ann, ann2]) {
        const [told] = await device.expect('onMessageModerated');
        assert.deepEqual([String(told.getId()), told.getText(), status(told)], [String(sent.getId()), 'Darn!', 'disapproved']);
      }
      const [copy] = await ann2.expect('onTextMessageReceived');
      assert.equal(status(copy), 'disapproved');
      await w.fence(bob);
      assert.deepEqual(bob.unclaimed(), []);
      assert.ok(!texts((await history(bob, (b) => b.setUID('ann'))).filter((m) => m.getText)).includes('Darn!'));
      const own = (await history(ann, (b) => b.setUID('bob'))).find((m) => String(m.getId()) === String(sent.getId()));
      assert.equal(status(own), 'disapproved');
      await refused(bob.sdk.getMessageDetails(sent.getId()), 'ERR_MESSAGE_NO_ACCESS');
      const listed = await bob.sdk.getConversation('ann', 'user');
      assert.notEqual(listed.getLastMessage().getText?.(), 'Darn!');

      // A moderator lets it pass.
      await w.api('PATCH', `moderation/blocked-messages/${sent.getId()}`, { status: 'approved' });
      const [late] = await bob.expect('onTextMessageReceived');
      assert.deepEqual([String(late.getId()), late.getText(), status(late)], [String(sent.getId()), 'Darn!', 'approved']);
      for (const device of [ann, ann2]) {
        const [told] = await device.expect('onMessageModerated');
        assert.deepEqual([String(told.getId()), status(told)], [String(sent.getId()), 'approved']);
      }
      assert.ok(texts((await history(bob, (b) => b.setUID('ann'))).filter((m) => m.getText)).includes('Darn!'));
      await w.fresh(ann, ann2, bob, cy);
    });

    test('what an edit makes blocked the others take away, and get back', async () => {
      const sent = await ann.say('room', 'fine', { type: 'group' });
      for (const device of [bob, cy]) assert.equal(status((await device.expect('onTextMessageReceived'))[0]), 'approved');
      await ann2.expect('onTextMessageReceived');
      const edit = async (text) => {
        const message = new ann.client.TextMessage('room', text, 'group');
        message.setId(Number(sent.getId()));
        return ann.sdk.editMessage(message);
      };
      assert.equal(status(await edit('fine, too')), 'approved');
      for (const device of [ann2, bob, cy]) {
        const [edited] = await device.expect('onMessageEdited');
        assert.deepEqual([edited.getText(), status(edited)], ['fine, too', 'approved']);
      }
      assert.equal(status(await edit('darn')), 'disapproved');
      assert.equal(status((await ann.expect('onMessageModerated'))[0]), 'disapproved');
      for (const device of [bob, cy]) {
        const [gone] = await device.expect('onMessageModerated');
        assert.deepEqual([String(gone.getId()), status(gone)], [String(sent.getId()), 'disapproved']);
        assert.ok(!JSON.stringify(gone).includes('darn'), 'the shell says nothing');
        assert.ok(!(await history(device, (b) => b.setGUID('room'))).some((m) => String(m.getId()) === String(sent.getId())));
      }
      await w.fence(bob, cy);
      assert.ok(![...bob.unclaimed(), ...cy.unclaimed()].includes('onMessageEdited'));
      await w.api('PATCH', `moderation/blocked-messages/${sent.getId()}`, { status: 'approved' });
      for (const device of [ann, bob, cy]) {
        const [back] = await device.expect('onMessageModerated');
        assert.deepEqual([String(back.getId()), back.getText(), status(back)], [String(sent.getId()), 'darn', 'approved']);
      }
      await w.fresh(ann, ann2, bob, cy);
    });

    test('what people or rules flag stays until a moderator hides it', async (t) => {
      if (!ann.client.flagMessage) return t.skip('this client cannot flag');
      const sent = await ann.say('room', 'buy now', { type: 'group' });
      const reasons = await bob.sdk.getFlagReasons();
      assert.ok(reasons.some((reason) => reason.id === 'spam' && reason.name));
      await bob.sdk.flagMessage(String(sent.getId()), { reasonId: 'spam', remark: 'again' });
      await refused(bob.sdk.flagMessage(String(sent.getId()), { reasonId: 'nonsense' }), 'INVALID_REASON_ID');
      const flagged = (await w.api('GET', 'moderation/flagged-messages')).find((one) => one.id === String(sent.getId()));
      assert.deepEqual([flagged.flaggedBy[0].uid, flagged.flaggedBy[0].remark], ['bob', 'again']);
      await w.fresh(ann, ann2, bob, cy);
      await w.api('PATCH', `moderation/flagged-messages/${flagged.id}`, { status: 'disapproved' });
      const [hidden] = await cy.expect('onMessageModerated');
      assert.deepEqual([String(hidden.getId()), status(hidden)], [flagged.id, 'disapproved']);
      assert.equal((await ann.expect('onMessageModerated'))[0].getText(), 'buy now');
      assert.ok(!texts((await history(cy, (b) => b.setGUID('room'))).filter((m) => m.getText)).includes('buy now'));
      await w.fresh(ann, ann2, bob, cy);
    });
  });
}

// They know no verdict: a blocked message is theirs alone, and nothing else of it disturbs them.
for (const sdk of ['sdk-4.0.13', 'ionic-4.0.4', 'sdk-3.0.13']) {
  test(`moderation beside ${sdk}, which has no word for it`, async () => {
    const w = await World.open();
    try {
      const [ann, bob] = [await w.device('ann', { sdk }), await w.device('bob', { sdk })];
      await forbid(w, ['darn']);
      const sent = await ann.say('bob', 'darn');
      await ann.say('bob', 'hello');
      const [heard] = await bob.expect('onTextMessageReceived');
      assert.equal(heard.getText(), 'hello', 'the blocked one is not heard of');
      assert.deepEqual(texts(await history(bob, (b) => b.setUID('ann'))), ['hello']);
      assert.deepEqual(texts(await history(ann, (b) => b.setUID('bob'))), ['darn', 'hello']);
      await w.api('PATCH', `moderation/blocked-messages/${sent.getId()}`, { status: 'approved' });
      const [late] = await bob.expect('onTextMessageReceived');
      assert.deepEqual([String(late.getId()), late.getText()], [String(sent.getId()), 'darn']);
      await w.quiet(bob);
    } finally {
      w.close();
    }
  });
}
