// Message history with the clients that came before: 4.1.13, 4.0.13, and 3.0.13 under its old name. All of them want
// `meta.pagination` and `meta.cursor` on every page; without, a fetch never settles and the next one is refused.

import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { World, pages, texts, within } from './harness.mjs';

const story = Array.from({ length: 12 }, (_, n) => `line ${n}`);
const lengths = (all) => all.map((page) => page.length);

for (const sdk of ['sdk-4.1.13', 'sdk-4.0.13', 'sdk-3.0.13']) {
  describe(`message history with ${sdk}`, () => {
    let w, ann, bob, sent;
    const list = (device, build) => build(new device.client.MessagesRequestBuilder()).build();
    before(async () => {
      w = await World.open();
      [ann, bob] = [await w.device('ann', { sdk }), await w.device('bob')];
      sent = [];
      for (const [n, text] of story.entries()) sent.push(n % 3 ? await ann.say('bob', text) : await bob.say('ann', text));
      await w.api('POST', 'groups', { guid: 'club', name: 'Club', type: 'public', owner: 'ann' });
    });
    after(() => w?.close());

    test('back from the newest, page by page', async () => {
      const all = await pages(list(ann, (b) => b.setUID('bob').setLimit(5)), 'fetchPrevious');
      assert.deepEqual(lengths(all), [5, 5, 2, 0]);
      assert.deepEqual(all.map(texts), [story.slice(7), story.slice(2, 7), story.slice(0, 2), []]);
    });

    test('pages that come out even', async () => {
      const all = await pages(list(ann, (b) => b.setUID('bob').setLimit(4)), 'fetchPrevious');
      assert.deepEqual(texts(all.slice().reverse().flat()), story);
    });

    test('forward from a message', async () => {
      const all = await pages(list(ann, (b) => b.setUID('bob').setMessageId(sent[2].getId()).setLimit(4)));
      assert.deepEqual(texts(all.flat()), story.slice(3));
    });

    test('nothing yet, asked again and again', async () => {
      const none = list(ann, (b) => b.setGUID('club').setCategories(['message']).setLimit(5));
      const beyond = list(ann, (b) => b.setUID('bob').setMessageId(sent.at(-1).getId()).setLimit(5));
      for (let again = 0; again < 2; again++) {
        assert.deepEqual(await within(none.fetchPrevious(), 'fetchPrevious'), []);
        assert.deepEqual(await within(beyond.fetchNext(), 'fetchNext'), []);
      }
    });

    test('a search and the unread ones', async () => {
      const found = list(ann, (b) => b.setUID('bob').setSearchKeyword('line 1').setLimit(10));
      assert.deepEqual(texts(await within(found.fetchPrevious(), 'search')), ['line 1', 'line 10', 'line 11']);
      const unread = list(ann, (b) => b.setUID('bob').setUnread(true).setLimit(10));
      assert.deepEqual(texts(await within(unread.fetchPrevious(), 'unread')), story.filter((_, n) => n % 3 === 0));
    });

    test('a thread', async () => {
      const parent = sent[1].getId();
      await bob.say('ann', 'a reply', { parentMessageId: parent });
      const thread = list(ann, (b) => b.setParentMessageId(parent).setLimit(5));
      assert.deepEqual(texts(await within(thread.fetchPrevious(), 'thread')), ['a reply']);
      assert.deepEqual(await within(thread.fetchPrevious(), 'thread'), []);
    });
  });
}
