// Request builders: every setter, on lists whose contents are known.

import { assert, differs, row, sameSet, within } from './engine.mjs';

/** A library of messages in the group `lib`, one for every filter, by label. */
export async function prepare(c) {
  const api = (method, path, body, uid) => c.api(method, path, body, uid);
  for (const [uid, more] of [['amy', { tags: ['gold'], role: 'vip' }], ['ben', {}], ['dan', {}], ['fay', {}]]) {
    if (more.role) await api('POST', 'roles', { role: more.role, name: 'Vip' });
    await c.w.user(uid, { name: `Usr ${uid}`, ...more });
  }
  await api('POST', 'users/ann/friends', { accepted: ['fay'] });
  await api('POST', 'groups', { guid: 'lib', name: 'Library', type: 'public', owner: 'ann', tags: ['books'], members: { moderators: ['bob'], participants: ['amy', 'dan'] } });
  await api('POST', 'groups', { guid: 'attic', name: 'Attic', type: 'public', owner: 'bob' });
  await api('POST', 'groups/lib/members', { participants: ['ben'] });
  await api('POST', 'groups/lib/bannedusers/ben');
  await api('POST', 'groups', { guid: 'cellar', name: 'Cellar', type: 'public', owner: 'ann' });
  await api('POST', 'blockedusers', { blockedUids: ['dan'] }, 'ann');

  c.labels = new Map();
  c.ids = {};
  const put = async (label, by, data, more = {}, path = 'messages') => {
    const message = await api('POST', path, { receiver: 'lib', receiverType: 'group', category: 'message', type: 'text', data, ...more }, by);
    c.labels.set(String(message.id), label);
    c.ids[label] = String(message.id);
    return message;
  };
  await put('plain', 'bob', { text: 'alpha' });
  await put('tagged', 'bob', { text: 'beta' }, { tags: ['red'] });
  await put('link', 'bob', { text: 'see https://example.com/page' });
  await put('mention', 'bob', { text: '<@uid:ann> gamma' });
  const attachments = [{ url: 'https://files.example/a.png', name: 'a.png', mimeType: 'image/png', extension: 'png', size: 5 }];
  await put('image', 'bob', { attachments, url: attachments[0].url }, { type: 'image' });
  await put('custom', 'bob', { customData: { x: 1 } }, { category: 'custom', type: 'place' });
  await put('edited', 'bob', { text: 'delta' });
  await put('gone', 'bob', { text: 'epsilon' });
  await put('parent', 'bob', { text: 'zeta' });
  await put('reply', 'bob', { text: 'eta' }, { parentMessageId: c.ids.parent });
  await put('quote', 'bob', { text: 'theta' }, { quotedMessageId: c.ids.plain });
  await put('liked', 'bob', { text: 'iota' });
  await put('blocked', 'dan', { text: 'kappa' });
  await put('form', 'bob', { interactiveData: { elements: [] }, interactionGoal: { type: 'anyOf', elementIds: ['ok'] } }, { category: 'interactive', type: 'form' });
  await put('pinned', 'bob', { text: 'lambda' });
  await put('saved', 'bob', { text: 'mu' });
  await put('own', 'ann', { text: 'nu' });
  await put('last', 'bob', { text: 'omega' });
  await api('POST', `messages/${c.ids.liked}/reactions/${encodeURIComponent('👍')}`, {}, 'ann');
  await api('POST', `messages/${c.ids.liked}/reactions/${encodeURIComponent('👍')}`, {}, 'bob');
  await api('POST', `messages/${c.ids.liked}/reactions/${encodeURIComponent('🎉')}`, {}, 'bob');
  await api('PATCH', `messages/${c.ids.form}/interacted`, { interactions: ['ok'] }, 'ann');
  await api('POST', `messages/${c.ids.pinned}/pin`, {}, 'ann');
  await api('POST', `messages/${c.ids.saved}/save`, {}, 'ann');
  await api('DELETE', `messages/${c.ids.gone}`, {}, 'bob');
  // Last, so that its time of change is the library's newest.
  await api('PUT', `messages/${c.ids.edited}`, { data: { text: 'delta, edited' } }, 'bob');
  await api('POST', 'groups/lib/conversation/read', { messageId: c.ids.own }, 'ann').catch(() => {});

  // Conversations: with amy (tagged, unread), with the library, with dan who is blocked.
  await api('POST', 'messages', { receiver: 'ann', receiverType: 'user', category: 'message', type: 'text', data: { text: 'hello ann' } }, 'amy');
  await api('PUT', 'users/amy/conversation', { tags: ['work'] }, 'ann');
  await api('POST', 'messages', { receiver: 'fay', receiverType: 'user', category: 'message', type: 'text', data: { text: 'hello fay' } }, 'ann');
  await c.hushed();
}

const ALL = ['plain', 'tagged', 'link', 'mention', 'image', 'custom', 'edited', 'gone', 'parent', 'reply', 'quote', 'liked', 'blocked', 'form', 'pinned', 'saved', 'own', 'last'];
const but = (...labels) => ALL.filter((label) => !labels.includes(label));

async function messages(c, build, step = 'fetchPrevious') {
  const builder = new c.client.MessagesRequestBuilder();
  build(builder.setLimit(100));
  const page = await within(builder.build()[step](), step);
  return known(page).map((message) => c.labels.get(String(message.getId()))).filter(Boolean);
}

/** Clients of the 3.0 line give null for a message of a category they do not know. */
const known = (page) => page.filter((message) => message !== null);

const MESSAGES = 'MessagesRequestBuilder';
const lib = (b) => b.setGUID('lib');

/** A setter on the library's list, and what it leaves. */
function filter(setter, expected, build) {
  row(`${MESSAGES}.${setter}`, async (c) => sameSet(await messages(c, (b) => build(lib(b), c)), seen(c, expected), setter));
}

/** What the client can make a message of. */
const seen = (c, labels) => (c.has('CometChat.sendInteractiveMessage') ? labels : labels.filter((label) => label !== 'form'));

row('MessagesRequest.fetchPrevious', async (c) => {
  assert.deepEqual(await messages(c, lib), seen(c, ALL), 'oldest first');
  if (seen(c, ALL) !== ALL) differs('interactive messages, which it does not know, stand as null in lists');
});
row('MessagesRequest.fetchNext', async (c) => {
  const found = await messages(c, (b) => lib(b).setMessageId(c.ids.saved), 'fetchNext');
  assert.deepEqual(found, ['own', 'last']);
});
row(`${MESSAGES}.setUID`, async (c) => {
  const request = new c.client.MessagesRequestBuilder().setUID('amy').setLimit(10).build();
  assert.deepEqual((await request.fetchPrevious()).map((message) => message.getText()), ['hello ann']);
});
filter('setGUID', ALL, (b) => b);
row(`${MESSAGES}.setLimit`, async (c) => {
  const request = lib(new c.client.MessagesRequestBuilder()).setLimit(5).build();
  const pages = [];
  for (let page = await within(request.fetchPrevious(), 'page'); page.length; page = await within(request.fetchPrevious(), 'page')) {
    assert.ok(page.length <= 5);
    pages.unshift(...known(page).map((message) => c.labels.get(String(message.getId()))).filter(Boolean));
  }
  assert.deepEqual(pages, seen(c, ALL), 'page by page, each once');
});
row(`${MESSAGES}.setMessageId`, async (c) => {
  const before = await messages(c, (b) => lib(b).setMessageId(c.ids.link));
  assert.deepEqual(before, ['plain', 'tagged']);
});
row(`${MESSAGES}.setTimestamp`, async (c) => {
  const future = Math.floor(Date.now() / 1000) + 1000;
  sameSet(await messages(c, (b) => lib(b).setTimestamp(future)), seen(c, ALL));
  assert.deepEqual(await messages(c, (b) => lib(b).setTimestamp(future), 'fetchNext'), []);
});
row(`${MESSAGES}.setParentMessageId`, async (c) => {
  assert.deepEqual(await messages(c, (b) => b.setParentMessageId(c.ids.parent)), ['reply']);
});
row(`${MESSAGES}.withParent`, async (c) => {
  assert.deepEqual(await messages(c, (b) => b.setParentMessageId(c.ids.parent).withParent(true)), ['parent', 'reply']);
});
filter('setCategory', ['custom'], (b) => b.setCategory('custom'));
filter('setCategories', ['custom', 'form'], (b) => b.setCategories(['custom', 'interactive']));
filter('setType', ['image'], (b) => b.setType('image'));
filter('setTypes', ['image', 'custom'], (b) => b.setTypes(['image', 'place']));
filter('setSearchKeyword', ['tagged'], (b) => b.setSearchKeyword('beta'));
filter('setTags', ['tagged'], (b) => b.setTags(['red']));
row(`${MESSAGES}.withTags`, async (c) => {
  const request = lib(new c.client.MessagesRequestBuilder()).setTags(['red']).withTags(true).setLimit(5).build();
  const [message] = await request.fetchPrevious();
  assert.deepEqual(message.getTags(), ['red']);
});
filter('hideReplies', but('reply'), (b) => b.hideReplies(true));
filter('hideDeletedMessages', but('gone'), (b) => b.hideDeletedMessages(true));
filter('hideQuotedMessages', but('quote'), (b) => b.hideQuotedMessages(true));
filter('hideMessagesFromBlockedUsers', but('blocked'), (b) => b.hideMessagesFromBlockedUsers(true));
filter('hasAttachments', ['image'], (b) => b.hasAttachments(true));
filter('setAttachmentTypes', ['image'], (b, c) => b.hasAttachments(true).setAttachmentTypes([c.client.AttachmentType?.IMAGE ?? 'image']));
filter('hasLinks', ['link'], (b) => b.hasLinks(true));
filter('hasMentions', ['mention'], (b) => b.hasMentions(true));
filter('setMentionedUIDs', ['mention'], (b) => b.hasMentions(true).setMentionedUIDs(['ann']));
filter('hasReactions', ['liked'], (b) => b.hasReactions(true));
filter('setInteractionGoalCompletedOnly', ['form'], (b) => b.setInteractionGoalCompletedOnly(true));
filter('setPinned', ['pinned'], (b) => b.setPinned(true));
filter('setSaved', ['saved'], (b) => b.setSaved(true));
row(`${MESSAGES}.setUnread`, async (c) => {
  const unread = await messages(c, (b) => lib(b).setUnread(true));
  sameSet(unread, ['last']);
});
row([`${MESSAGES}.setUpdatedAfter`, `${MESSAGES}.updatesOnly`], async (c) => {
  const before = Math.floor(Date.now() / 1000) - 10000;
  const changed = await messages(c, (b) => lib(b).setUpdatedAfter(before).updatesOnly(true), 'fetchNext');
  for (const label of ['edited', 'gone']) assert.ok(changed.includes(label), `${label} is among ${changed}`);
  assert.ok(!changed.includes('last'), 'what never changed is not');
});
row(`${MESSAGES}.mentionsWithTagInfo`, async (c) => {
  const request = lib(new c.client.MessagesRequestBuilder()).setLimit(100).mentionsWithTagInfo(true).build();
  const message = (await request.fetchPrevious()).find((one) => String(one.getId()) === c.ids.mention);
  assert.equal(message.getMentionedUsers()[0].getUid(), 'ann');
});
row(`${MESSAGES}.mentionsWithBlockedInfo`, async (c) => {
  const request = lib(new c.client.MessagesRequestBuilder()).setLimit(100).mentionsWithBlockedInfo(true).build();
  const message = (await request.fetchPrevious()).find((one) => String(one.getId()) === c.ids.mention);
  assert.equal(message.getMentionedUsers()[0].getUid(), 'ann');
});

// ---------------------------------------------------------------------------------------------
// Lists that go by pages

/** Names of the page that `kind`'s builder gives. */
async function page(c, kind, build, name, ...args) {
  const builder = new c.client[`${kind}Builder`](...args);
  build(builder.setLimit(30));
  const found = await within(builder.build().fetchNext(), 'fetchNext');
  return found.map(name);
}

const uid = (user) => user.getUid();
const guid = (group) => group.getGuid();

/** The setters of one kind of list: what each leaves, all of it, of the names that the fixture made. */
function pages(kind, { args = () => [], name, only }, setters) {
  for (const [setter, expected, build] of setters) {
    row(setter.startsWith('fetch') ? `${kind}.${setter}` : `${kind}Builder.${setter}`, async (c) => {
      const found = await page(c, kind, (b) => build(b, c), name, ...args(c));
      const asked = c.ann.requests.at(-1).path;
      if (setter === 'setPage' && /[?&]page=1(&|$)/.test(asked)) differs('takes the number for the page to fetch, not for the one it has');
      sameSet(only ? found.filter((one) => only.includes(one)) : found, expected, setter);
    });
  }
}

const USERS = ['amy', 'ben', 'dan', 'fay'];
// The client takes what `setPage` is given for the page it has: `fetchNext` asks for the one after it.
pages('UsersRequest', { name: uid, only: [...USERS, 'bob'] }, [
  ['fetchNext', [...USERS, 'bob'], (b) => b],
  ['setSearchKeyword', ['amy'], (b) => b.setSearchKeyword('amy')],
  ['searchIn', ['amy'], (b) => b.setSearchKeyword('amy').searchIn(['uid', 'name'])],
  ['setStatus', ['bob'], (b, c) => b.setStatus(c.client.USER_STATUS.ONLINE)],
  ['setRole', ['amy'], (b) => b.setRole('vip')],
  ['setRoles', ['amy'], (b) => b.setRoles(['vip'])],
  ['setTags', ['amy'], (b) => b.setTags(['gold'])],
  ['friendsOnly', ['fay'], (b) => b.friendsOnly(true)],
  ['hideBlockedUsers', ['amy', 'ben', 'fay', 'bob'], (b) => b.hideBlockedUsers(true)],
  ['setUIDs', ['amy', 'ben'], (b) => b.setUIDs(['amy', 'ben'])],
  ['setPage', ['amy'], (b) => b.setUIDs(['amy', 'bob']).setLimit(1).setPage(1)],
]);
row('UsersRequestBuilder.setLimit', async (c) => {
  const request = new c.client.UsersRequestBuilder().setUIDs(['amy', 'ben', 'fay']).setLimit(2).build();
  const first = (await within(request.fetchNext(), 'first')).map(uid);
  const second = (await within(request.fetchNext(), 'second')).map(uid);
  assert.equal(first.length, 2);
  sameSet([...first, ...second], ['amy', 'ben', 'fay']);
  assert.deepEqual(await within(request.fetchNext(), 'third'), []);
});
row('UsersRequestBuilder.withTags', async (c) => {
  const [amy] = await new c.client.UsersRequestBuilder().setUIDs(['amy']).withTags(true).setLimit(5).build().fetchNext();
  assert.deepEqual(amy.getTags(), ['gold']);
});
row(['UsersRequestBuilder.sortBy', 'UsersRequestBuilder.sortByOrder'], async (c) => {
  const build = (order) => new c.client.UsersRequestBuilder().setUIDs(['amy', 'ben', 'fay']).setLimit(30).sortBy('name').sortByOrder(order).build();
  assert.deepEqual((await build('asc').fetchNext()).map(uid), ['amy', 'ben', 'fay']);
  assert.deepEqual((await build('desc').fetchNext()).map(uid), ['fay', 'ben', 'amy']);
});

pages('BlockedUsersRequest', { name: uid }, [
  ['fetchNext', ['dan'], (b) => b],
  ['setLimit', ['dan'], (b) => b.setLimit(1)],
  ['setSearchKeyword', [], (b) => b.setSearchKeyword('nobody')],
  ['setDirection', [], (b, c) => b.setDirection(c.client.BlockedUsersRequest.directions.HAS_BLOCKED_ME)],
  ['blockedByMe', ['dan'], (b) => b.blockedByMe()],
  ['hasBlockedMe', [], (b) => b.hasBlockedMe()],
  ['setPage', [], (b) => b.setPage(1)],
]);

pages('GroupsRequest', { name: guid, only: ['lib', 'attic'] }, [
  ['fetchNext', ['lib', 'attic'], (b) => b],
  ['setLimit', ['lib'], (b) => b.setTags(['books']).setLimit(1)],
  ['setSearchKeyword', ['attic'], (b) => b.setSearchKeyword('attic')],
  ['joinedOnly', ['lib'], (b) => b.joinedOnly(true)],
  ['setTags', ['lib'], (b) => b.setTags(['books'])],
  ['setPage', [], (b) => b.setTags(['books']).setPage(1)],
]);
row('GroupsRequestBuilder.withTags', async (c) => {
  const [group] = await new c.client.GroupsRequestBuilder().setTags(['books']).withTags(true).setLimit(5).build().fetchNext();
  assert.deepEqual(group.getTags(), ['books']);
});

const inLib = { args: () => ['lib'], name: uid };
pages('GroupMembersRequest', inLib, [
  ['fetchNext', ['ann', 'bob', 'amy', 'dan'], (b) => b],
  ['setGuid', ['ann'], (b) => b.setGuid('cellar')],
  ['setLimit', ['ann', 'bob', 'amy', 'dan'], (b) => b.setLimit(4)],
  ['setSearchKeyword', ['amy'], (b) => b.setSearchKeyword('amy')],
  ['setScopes', ['bob'], (b) => b.setScopes(['moderator'])],
  ['setStatus', ['ann', 'bob'], (b, c) => b.setStatus(c.client.USER_STATUS.ONLINE)],
  ['setPage', [], (b) => b.setPage(1)],
]);
pages('BannedMembersRequest', inLib, [
  ['fetchNext', ['ben'], (b) => b],
  ['setGuid', ['ben'], (b) => b.setGuid('lib')],
  ['setLimit', ['ben'], (b) => b.setLimit(1)],
  ['setSearchKeyword', [], (b) => b.setSearchKeyword('nobody')],
  ['setScopes', ['ben'], (b) => b.setScopes(['participant'])],
  ['setPage', [], (b) => b.setPage(1)],
]);

const AMY = 'amy_user_ann';
const FAY = 'ann_user_fay';
pages('ConversationsRequest', { name: (one) => one.getConversationId(), only: [AMY, FAY, 'group_lib'] }, [
  ['fetchNext', [AMY, FAY, 'group_lib'], (b) => b],
  ['setConversationType', ['group_lib'], (b) => b.setConversationType('group')],
  ['setTags', [AMY], (b) => b.setTags(['work'])],
  ['setUserTags', [AMY], (b) => b.setUserTags(['gold'])],
  ['setGroupTags', ['group_lib'], (b) => b.setGroupTags(['books'])],
  ['setSearchKeyword', [AMY], (b) => b.setSearchKeyword('amy')],
  ['setUnread', [AMY, 'group_lib'], (b) => b.setUnread(true)],
  ['setPinnedBy', [], (b) => b.setPinnedBy(['me'])],
  ['setHideAgentic', [AMY, FAY, 'group_lib'], (b) => b.setHideAgentic(true)],
  ['setOnlyAgentic', [], (b) => b.setOnlyAgentic(true)],
  ['setPage', [], (b) => b.setTags(['work']).setPage(1)],
]);
row('ConversationsRequestBuilder.setLimit', async (c) => {
  const request = new c.client.ConversationsRequestBuilder().setLimit(1).build();
  const [first] = await within(request.fetchNext(), 'first');
  const [second] = await within(request.fetchNext(), 'second');
  assert.notEqual(first.getConversationId(), second.getConversationId());
});
row('ConversationsRequestBuilder.withTags', async (c) => {
  const [amy] = await new c.client.ConversationsRequestBuilder().setTags(['work']).withTags(true).setLimit(5).build().fetchNext();
  assert.deepEqual(amy.getTags(), ['work']);
});
row('ConversationsRequestBuilder.withUserAndGroupTags', async (c) => {
  const [amy] = await new c.client.ConversationsRequestBuilder().setUserTags(['gold']).withUserAndGroupTags(true).setLimit(5).build().fetchNext();
  assert.deepEqual(amy.getConversationWith().getTags(), ['gold']);
});
for (const [plain, older] of [['includeBlockedUsers', 'setIncludeBlockedUsers'], ['withBlockedInfo', 'setWithBlockedInfo']]) {
  for (const setter of [plain, older]) {
    row(`ConversationsRequestBuilder.${setter}`, async (c) => {
      const dan = await c.device('dan');
      try {
        await c.api('DELETE', 'blockedusers', { blockedUids: ['dan'] }, 'ann');
        await dan.say('ann', 'before the block');
        await c.api('POST', 'blockedusers', { blockedUids: ['dan'] }, 'ann');
        const builder = new c.client.ConversationsRequestBuilder().setLimit(30);
        if (setter === older && c.client.ConversationsRequestBuilder.prototype[plain]) builder.setLimit(30);
        const find = async (on) => {
          const request = new c.client.ConversationsRequestBuilder().setLimit(30);
          const include = ['includeBlockedUsers', 'setIncludeBlockedUsers'].find((name) => typeof request[name] === 'function');
          if (on) request[include](true);
          if (on && setter.toLowerCase().includes('info')) request[setter](true);
          return (await request.build().fetchNext()).find((one) => one.getConversationId() === 'ann_user_dan');
        };
        assert.equal(await find(false), undefined, 'hidden unless asked for');
        const found = await find(true);
        assert.ok(found, 'there when asked for');
        if (setter.toLowerCase().includes('info')) assert.equal(found.getConversationWith().getBlockedByMe(), true);
      } finally {
        await c.api('DELETE', 'users/dan/conversation', undefined, 'ann').catch(() => {});
        dan.close();
      }
    });
  }
}

row(['ReactionsRequest.fetchNext', 'ReactionsRequest.fetchPrevious', 'ReactionsRequestBuilder.setMessageId', 'ReactionsRequestBuilder.setLimit'], async (c) => {
  const build = () => new c.client.ReactionsRequestBuilder().setMessageId(c.ids.liked).setLimit(2).build();
  for (const step of ['fetchNext', 'fetchPrevious']) {
    const request = build();
    const found = [];
    for (let page = await within(request[step](), step); page.length; page = await within(request[step](), step)) {
      found.push(...page.map((one) => `${one.getReaction()} ${one.getReactedBy().getUid()}`));
    }
    sameSet(found, ['👍 ann', '👍 bob', '🎉 bob'], step);
  }
});
row('ReactionsRequestBuilder.setReaction', async (c) => {
  const found = await new c.client.ReactionsRequestBuilder().setMessageId(c.ids.liked).setReaction('🎉').setLimit(10).build().fetchNext();
  assert.deepEqual(found.map((one) => one.getReactedBy().getUid()), ['bob']);
});

row(['ThreadsRequest.fetchNext', 'ThreadsRequestBuilder.setGuid', 'ThreadsRequestBuilder.setLimit'], async (c) => {
  const found = await new c.client.ThreadsRequestBuilder().setGuid('lib').setParticipatedByMe(false).setLimit(10).build().fetchNext();
  assert.deepEqual(found.map((one) => c.labels.get(String(one.getParentMessageId()))), ['parent']);
  assert.equal(found[0].getLastReply().getText(), 'eta');
});
row('ThreadsRequestBuilder.setUid', async (c) => {
  const parent = await c.ann.say('fay', 'parent for fay');
  await c.ann.say('fay', 'reply for fay', { parentMessageId: parent.getId() });
  const found = await new c.client.ThreadsRequestBuilder().setUid('fay').setLimit(10).build().fetchNext();
  assert.deepEqual(found.map((one) => String(one.getParentMessageId())), [String(parent.getId())]);
});
row('ThreadsRequestBuilder.setParticipatedByMe', async (c) => {
  const found = await new c.client.ThreadsRequestBuilder().setGuid('lib').setParticipatedByMe(true).setLimit(10).build().fetchNext();
  assert.deepEqual(found, [], 'ann took no part in the library');
});
