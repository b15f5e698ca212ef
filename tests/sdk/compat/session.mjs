// Setting up, logging in, the socket, settings, notifications, and what the server has not.

import { absentHere, assert, differs, hears, row, until } from './engine.mjs';

row(['CometChat.init', 'CometChat.isInitialized', 'CometChat.getAppId'], async (c) => {
  assert.equal(c.ann.client.isInitialized(), true);
  assert.equal(c.ann.client.getAppId(), c.w.app.appId);
});
row('CometChat.login', async (c) => {
  const uid = await c.w.user(c.fresh('user'));
  const device = await c.blank();
  const user = await device.sdk.login(uid, c.w.app.authKey);
  assert.equal(user.getUid(), uid);
  await device.online();
  await assert.rejects((await c.blank()).sdk.login('nobody', c.w.app.authKey), (error) => error.code === 'ERR_UID_NOT_FOUND');
  // By a token of the app's own back end.
  const { authToken } = await c.api('POST', `users/${uid}/auth_tokens`, {});
  const other = await c.blank();
  assert.equal((await other.sdk.login(authToken)).getUid(), uid);
  await other.online();
  for (const one of [device, other]) one.close();
});
row(['CometChat.logout', 'LoginListener.loginSuccess', 'LoginListener.logoutSuccess', 'CometChat.addLoginListener'], async (c) => {
  const uid = await c.w.user(c.fresh('user'));
  const device = await c.blank();
  await device.sdk.login(uid, c.w.app.authKey);
  await hears(device, 'loginSuccess');
  await device.online();
  await device.sdk.logout();
  await device.expect('logoutSuccess');
  assert.equal(await device.sdk.getLoggedinUser(), null);
});
row('LoginListener.loginFailure', async (c) => {
  const device = await c.blank();
  await assert.rejects(device.sdk.login('nobody', c.w.app.authKey));
  await hears(device, 'loginFailure');
});
for (const method of ['getLoggedinUser', 'getLoggedInUser']) {
  row(`CometChat.${method}`, async (c) => assert.equal((await c.ann.sdk[method]()).getUid(), 'ann'));
}
row('CometChat.initFromSettings', async (c) => {
  const device = await c.blank();
  assert.equal(typeof device.client.initFromSettings, 'function');
});
row('CometChat.getSessionId', async (c) => assert.ok(c.ann.client.getSessionId()));

// The builder of settings: what the socket says of it, and where requests go.
row(['AppSettingsBuilder.setRegion', 'AppSettingsBuilder.overrideAdminHost', 'AppSettingsBuilder.overrideClientHost', 'AppSettingsBuilder.autoEstablishSocketConnection'], async (c) => {
  const device = await c.device(c.fresh('user'), { autoConnect: true });
  assert.ok(device.requests.every((request) => request.path.startsWith('/v3')));
  device.close();
});
row(['CometChat.connect', 'CometChat.disconnect', 'CometChat.getConnectionStatus', 'ConnectionListener.onConnected', 'CometChat.addConnectionListener'], async (c) => {
  const uid = await c.w.user(c.fresh('user'));
  const device = await c.blank({ autoConnect: false });
  await device.sdk.login(uid, c.w.app.authKey);
  device.client.connect();
  await device.online();
  await hears(device, 'onConnected').catch(() => assert.fail('onConnected was not called'));
  assert.equal(device.client.getConnectionStatus(), 'connected');
  device.client.disconnect();
  await until('the socket is closed', () => device.sockets.every((socket) => socket.readyState > 1));
  device.close();
});
row(['ConnectionListener.onDisconnected', 'ConnectionListener.inConnecting'], async (c) => {
  const device = await c.device(c.fresh('user'));
  device.cut();
  await device.expect('onDisconnected');
  device.mend();
  await device.online(2);
  await device.expect('inConnecting');
  await c.ann.say(device.uid, 'back');
  await hears(device, 'onTextMessageReceived', (message) => message.getText() === 'back');
  device.close();
});
const PRESENCE = { subscribePresenceForAllUsers: 'all', subscribePresenceForFriends: 'friends', subscribePresenceForRoles: ['vip'] };
for (const [setter, presence] of Object.entries(PRESENCE)) {
  row(`AppSettingsBuilder.${setter}`, async (c) => {
    const [listener, friend, vip] = [c.fresh('user'), c.fresh('user'), c.fresh('user')];
    await c.w.user(listener);
    await c.w.user(friend);
    await c.w.user(vip, { role: 'vip' });
    await c.api('POST', `users/${listener}/friends`, { accepted: [friend] });
    const device = await c.device(listener, { presence });
    const others = [];
    for (const uid of [friend, vip]) others.push(await c.device(uid));
    if (presence.includes('vip') && !device.frames.some((frame) => frame.text.includes('"auth"') && frame.text.includes('"roles"'))) {
      for (const one of [device, ...others]) one.close();
      differs('its socket names no roles, so nobody\'s presence is told');
    }
    const expected = { all: [friend, vip], friends: [friend] }[presence] ?? [vip];
    for (const uid of expected) await hears(device, 'onUserOnline', (user) => user.getUid() === uid);
    await c.w.fence(device);
    const heard = device.heard.filter((event) => event.name === 'onUserOnline').map((event) => event.args[0].getUid());
    assert.deepEqual(heard.filter((uid) => [friend, vip].includes(uid)), [], 'nobody else');
    for (const one of [device, ...others]) one.close();
  });
}

row('CometChat.getAppSettings', async (c) => {
  const settings = await c.ann.sdk.getAppSettings();
  assert.ok(settings);
});
row('CometChat.isFeatureEnabled', async (c) => {
  const on = await c.ann.sdk.isFeatureEnabled('core.conversations.updateOnReplies');
  assert.equal(typeof on, 'boolean');
});
row('CometChat.isExtensionEnabled', async (c) => assert.equal(await c.ann.sdk.isExtensionEnabled('no-such-extension'), false));
row('CometChat.isAIFeatureEnabled', async (c) => assert.equal(await c.ann.sdk.isAIFeatureEnabled('smart-replies'), false));
row(['CometChat.callExtension', 'CometChat.getExtensionDetails'], async (c) => {
  assert.equal(await c.ann.sdk.isExtensionEnabled('polls'), true);
  assert.equal((await c.ann.sdk.getExtensionDetails('polls')).getId(), 'polls');
  const ask = { question: 'Tea?', options: ['green', 'black'], receiver: 'bob', receiverType: 'user' };
  assert.equal((await c.ann.sdk.callExtension('polls', 'POST', 'v2/create', ask)).success, true);
  const poll = await hears(c.bob, 'onCustomMessageReceived', (message) => message.getType() === 'extension_poll');
  assert.equal(poll.getSender().getUid(), 'ann');
});
for (const [method, args] of [['getSmartReplies', ['bob', 'user']], ['getConversationStarter', ['bob', 'user']], ['getConversationSummary', ['bob', 'user']], ['askBot', ['bob', 'user', 'bot', 'why?']]]) {
  row(`CometChat.${method}`, (c) => absentHere(c.ann.sdk[method](...args), 'AI'));
}
row('CometChat.registerTokenForPushNotification', async (c) => {
  const answer = await c.ann.sdk.registerTokenForPushNotification('token', {}).catch((error) => error);
  assert.ok(answer);
});
row('CometChat.clearCache', async (c) => {
  const device = await c.device(c.fresh('user'));
  await device.sdk.clearCache();
  device.close();
});

const NOTIFICATIONS = 'CometChatNotifications';
row(`${NOTIFICATIONS}.fetchPreferences`, async (c) => assert.ok(await c.ann.notifications.fetchPreferences()));
row(`${NOTIFICATIONS}.updatePreferences`, async (c) => {
  const { NotificationPreferences, OneOnOnePreferences, MessagesOptions } = c.ann.notifications;
  const preferences = new NotificationPreferences();
  const personal = new OneOnOnePreferences();
  personal.setMessagesPreference(MessagesOptions.DONT_SUBSCRIBE);
  preferences.setOneOnOnePreferences(personal);
  await c.ann.notifications.updatePreferences(preferences);
  const kept = await c.ann.notifications.fetchPreferences();
  // Older clients give the name of what is a number.
  const { DONT_SUBSCRIBE } = MessagesOptions;
  assert.ok([DONT_SUBSCRIBE, MessagesOptions[DONT_SUBSCRIBE]].includes(kept.getOneOnOnePreferences().getMessagesPreference()));
});
row(`${NOTIFICATIONS}.resetPreferences`, async (c) => assert.ok(await c.ann.notifications.resetPreferences()));
row(`${NOTIFICATIONS}.fetchPushPreferences`, async (c) => assert.ok(await c.ann.notifications.fetchPushPreferences()));
row(`${NOTIFICATIONS}.resetPushPreferences`, async (c) => assert.ok(await c.ann.notifications.resetPushPreferences()));
row(`${NOTIFICATIONS}.registerPushToken`, async (c) => {
  const { PushPlatforms } = c.ann.notifications;
  const platform = PushPlatforms.FCM_WEB ?? PushPlatforms.FCM_REACT_NATIVE_ANDROID ?? Object.values(PushPlatforms)[0];
  assert.ok(await c.ann.notifications.registerPushToken('a-push-token', platform, 'provider'));
});
row(`${NOTIFICATIONS}.unregisterPushToken`, async (c) => assert.ok(await c.ann.notifications.unregisterPushToken()));
row([`${NOTIFICATIONS}.muteConversations`, `${NOTIFICATIONS}.getMutedConversations`, `${NOTIFICATIONS}.unmuteConversations`], async (c) => {
  const { MutedConversation, UnmutedConversation, MutedConversationType } = c.ann.notifications;
  const muted = new MutedConversation();
  muted.setId('bob');
  muted.setType(MutedConversationType.ONE_ON_ONE);
  muted.setUntil(Date.now() + 3_600_000);
  await c.ann.notifications.muteConversations([muted]);
  assert.deepEqual((await c.ann.notifications.getMutedConversations()).map((one) => one.getId()), ['bob']);
  const again = new UnmutedConversation();
  again.setId('bob');
  again.setType(MutedConversationType.ONE_ON_ONE);
  await c.ann.notifications.unmuteConversations([again]);
  assert.deepEqual(await c.ann.notifications.getMutedConversations(), []);
});
row([`${NOTIFICATIONS}.updateTimezone`, `${NOTIFICATIONS}.getTimezone`], async (c) => {
  await c.ann.notifications.updateTimezone('Europe/Berlin');
  const kept = await c.ann.notifications.getTimezone();
  assert.equal(kept.timezone ?? kept, 'Europe/Berlin');
});
