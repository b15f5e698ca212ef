// Conversation lists: what the user pins, what the app pins for all, and the filters of the request.

import { after, before, beforeEach, test } from 'node:test';
import assert from 'node:assert/strict';
import { World, refused } from './harness.mjs';

let w, ann, ann2, bob, cy;
before(async () => {
  w = await World.open();
  [ann, ann2, bob, cy] = [await w.device('ann'), await w.device('ann'), await w.device('bob'), await w.device('cy')];
  await bob.say('ann', 'hi from bob');
  await cy.say('ann', 'hi from cy');
});
beforeEach(() => w.fresh(ann, ann2, bob, cy));
after(() => w?.close());

const list = async (device, build = (b) => b) =>
  (await build(new device.client.ConversationsRequestBuilder().setLimit(30)).build().fetchNext()).map((c) => c.getConversationId());

test('a pin comes first, is heard by the other device alone, and goes again', async () => {
  const pinned = await ann.client.pinConversation('bob', 'user');
  assert.equal(pinned.getPinnedBy(), 'ann');
  const [heard] = await ann2.expect('onConversationPinned');
  assert.equal(heard.getConversationId(), 'ann_user_bob');
  assert.ok(heard.getPinnedAt() > 0);
  assert.equal((await list(ann))[0], 'ann_user_bob');
  assert.deepEqual(await list(ann, (b) => b.setPinnedBy(['me', 'system'])), ['ann_user_bob']);

  const unpinned = await ann.client.unpinConversation('bob', 'user');
  assert.equal(unpinned.getPinnedAt(), undefined);
  await ann2.expect('onConversationUnpinned');
  await w.quiet(ann, ann2, bob);
});

test('what the app pins is pinned for whoever has it, and not his to change', async () => {
  await w.api('PUT', 'conversations/pinned', { conversationIds: ['ann_user_cy'] });
  for (const device of [ann, cy]) {
    assert.equal((await list(device))[0], 'ann_user_cy');
  }
  assert.deepEqual(await list(ann, (b) => b.setPinnedBy(['system'])), ['ann_user_cy']);
  await refused(ann.client.unpinConversation('cy', 'user'), 'ERR_SYSTEM_PINNED_CONVERSATION');
  await w.api('PUT', 'conversations/pinned', { conversationIds: [] });
});
