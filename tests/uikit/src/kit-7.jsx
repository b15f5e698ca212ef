// The page's half for version 7 of the kit: how to start it, what frames the page, and the parts by one name.

import {
  CometChatConversations, CometChatGroupMembers, CometChatGroups, CometChatIncomingCall, CometChatMessageComposer,
  CometChatMessageHeader, CometChatMessageList, CometChatPinnedMessages, CometChatProvider, CometChatSavedMessages,
  CometChatSearch, CometChatThreadHeader, CometChatUIKit, CometChatUsers, UIKitSettingsBuilder, useCometChatEvents,
  usePublishEvent,
} from "@cometchat/chat-uikit-react";
import "@cometchat/chat-uikit-react/styles";

export async function start({ appId, authKey, host, uid, calls }) {
  const settings = new UIKitSettingsBuilder().setAppId(appId).setRegion("us").setAuthKey(authKey).setAdminHost(host)
    .setClientHost(host).subscribePresenceForAllUsers().setCallingEnabled(calls).build();
  const stored = await CometChatUIKit.init(settings);
  return stored?.getUid() === uid ? stored : CometChatUIKit.login(uid);
}

export function Frame({ dark, children }) {
  return <CometChatProvider theme={dark ? "dark" : "light"} locale="en-us">{children}</CometChatProvider>;
}

/** `tell(name, payload)` lets the kit's parts know what the page did; `open` hears that the kit wants a chat opened. */
export function useKit(open) {
  const publish = usePublishEvent();
  useCometChatEvents((event) => {
    if (event.type === "ui:open-chat") open(event.user ?? event.group);
  }, [open]);
  const names = { blocked: "ui:user/blocked", unblocked: "ui:user/unblocked", left: "ui:group/left", created: "ui:group/created", joined: "ui:group/member-joined", added: "ui:group/member-added" };
  return (name, payload) => publish({ type: names[name], ...payload });
}

export const Conversations = CometChatConversations;
export const Users = CometChatUsers;
export const Groups = CometChatGroups;
export const Members = CometChatGroupMembers;
export const Header = CometChatMessageHeader;
export const Composer = CometChatMessageComposer;
export const ThreadHeader = CometChatThreadHeader;
export const IncomingCall = CometChatIncomingCall;
export const Pinned = CometChatPinnedMessages;
export const Saved = CometChatSavedMessages;

export function List({ goTo, ...props }) {
  return <CometChatMessageList {...props} {...(goTo ? { goToMessageId: Number(goTo) } : {})} />;
}

export function Search({ onConversation, onMessage, ...props }) {
  return <CometChatSearch {...props} onConversationClicked={({ conversation }) => onConversation(conversation)} onMessageClicked={({ message }) => onMessage(message)} />;
}
