// The page's half for version 6 of the kit: how to start it, what frames the page, and the parts by one name.

import {
  CometChatConversations, CometChatGroupEvents, CometChatGroupMembers, CometChatGroups, CometChatIncomingCall,
  CometChatMessageComposer, CometChatMessageHeader, CometChatMessageList, CometChatSearch, CometChatThreadHeader,
  CometChatUIEvents, CometChatUIKit, CometChatUserEvents, CometChatUsers, UIKitSettingsBuilder,
} from "uikit-6";
import "uikit-6/css-variables.css";
import { useEffect } from "react";

export async function start({ appId, authKey, host, uid, calls }) {
  const settings = new UIKitSettingsBuilder().setAppId(appId).setRegion("us").setAuthKey(authKey).setAdminHost(host)
    .setClientHost(host).subscribePresenceForAllUsers().build();
  await CometChatUIKit.init(settings);
  if (calls) CometChatUIKit.enableCalling();
  const stored = await CometChatUIKit.getLoggedinUser();
  return stored?.getUid() === uid ? stored : CometChatUIKit.login(uid);
}

export function Frame({ dark, children }) {
  return <div className="cometchat" data-theme={dark ? "dark" : "light"} style={{ height: "100%" }}>{children}</div>;
}

/** `tell(name, payload)` lets the kit's parts know what the page did; `open` hears that the kit wants a chat opened. */
export function useKit(open) {
  useEffect(() => {
    const heard = CometChatUIEvents.ccOpenChat.subscribe(({ user, group }) => open(user ?? group));
    return () => heard.unsubscribe();
  }, [open]);
  return (name, payload) => {
    const { ccUserBlocked, ccUserUnblocked } = CometChatUserEvents;
    const { ccGroupLeft, ccGroupCreated, ccGroupMemberJoined, ccGroupMemberAdded } = CometChatGroupEvents;
    if (name === "blocked") ccUserBlocked.next(payload.user);
    if (name === "unblocked") ccUserUnblocked.next(payload.user);
    if (name === "created") ccGroupCreated.next(payload.group);
    if (name === "left") ccGroupLeft.next({ leftGroup: payload.group });
    if (name === "joined") ccGroupMemberJoined.next(payload);
    if (name === "added") ccGroupMemberAdded.next({ messages: payload.messages, userAddedIn: payload.group });
  };
}

export const Conversations = CometChatConversations;
export const Users = CometChatUsers;
export const Groups = CometChatGroups;
export const Members = CometChatGroupMembers;
export const Header = CometChatMessageHeader;
export const Composer = CometChatMessageComposer;
export const ThreadHeader = CometChatThreadHeader;
export const IncomingCall = CometChatIncomingCall;
export const Pinned = null;
export const Saved = null;

export function List({ goTo, ...props }) {
  return <CometChatMessageList {...props} {...(goTo ? { goToMessageId: String(goTo) } : {})} />;
}

export function Search({ onConversation, onMessage, ...props }) {
  return <CometChatSearch {...props} onConversationClicked={onConversation} onMessageClicked={onMessage} />;
}
