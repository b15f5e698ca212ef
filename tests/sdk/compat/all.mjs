// All cases, and the public functions of the clients that have none, with the reason.

import './chat.mjs';
import './people.mjs';
import './session.mjs';
export { prepare } from './lists.mjs';

/** Not asked of the server, or asked of one that this is not. By beginnings of names. */
export const LEFT_OUT = {
  'media of calls': ['CometChat.startCall', 'CometChat.getCallParticipantCount', 'CometChat.getJWT', 'CometChat.updateJWT', 'CallSettingsBuilder.', 'VirtualBackgroundBuilder.', 'PresenterSettingsBuilder.'],
  'campaigns and notification feeds': ['CometChat.markFeedItem', 'CometChat.reportFeedEngagement', 'CometChat.getNotificationFeed', 'CometChat.markPushNotification', 'CometChat.addNotificationFeed', 'CometChat.removeNotificationFeed', 'NotificationFeedRequest', 'NotificationCategoriesRequest'],
  AI: ['CometChat.addAIAssistantListener', 'CometChat.removeAIAssistantListener'],
  'nothing of it is asked of a server': ['CometChat.setSource', 'CometChat.setDemoMetaInfo', 'CometChat.setMode', 'CometChat.getMode', 'CometChat.getInstance', 'CometChat.initializeStorage', 'CometChat.onStorageEvent', 'CometChat.beforeUnload', 'CometChat.getDataFromSessionStorage', 'CometChat.addDataToSessionStorage', 'CometChat.removeDataFromSessionStorage', 'CometChat.clearAnalyticsPingTimer', 'CometChat.didAnalyticsPingStart', 'CometChat.setAuthToken', 'CometChat.sendTestMessage', 'CometChat.removeCallListener', 'CometChat.removeConnectionListener', 'CometChat.removeConversationListener', 'CometChat.removeGroupListener', 'CometChat.removeLoginListener', 'CometChat.removeUserListener', 'CometChat.addConversationListener', 'AppSettingsBuilder.setStorageMode', 'AppSettingsBuilder.setSecureMediaMode', 'AppSettingsBuilder.enableAutoJoinForGroups'],
  'inner parts of the client': ['CometChat.cancelCall', 'CometChat.rejectIncomingCall', 'CometChat.sendBusyResponse', 'CometChat.clearWSReconnectionTimer', 'CometChat.startWSReconnectionTimer', 'CometChat.tryReconnectingToWS', 'CometChat.disconnectInternally', 'CometChat.ping', 'CometChat.pingAnalytics', 'CometChat.startAnalyticsPingTimer', 'CometChat.pushToLoginListener', 'CometChat.generateAuthToken', 'CometChat.hasPreUploadedAttachments', 'CometChat.performFlagMessage', 'CometChat.pinConversationWrite', 'CometChat.pinSaveWrite', 'CometChat.readPinSaveLimit', 'CometChat.isPinSaveFeatureEnabled', 'CometChat.stripFatQueryParam', 'CometChat.getFat', 'CometChat.fetchPresignedUrl', 'CometChat.internal', 'ThreadsRequest.fetchPage'],
};
