// A small chat page of the kit's parts, laid out as the vendor's samples lay them out. What it needs to know comes in the
// address after #, as JSON: appId, authKey, host, uid, calls (whether there are any).

import { CometChat } from "@cometchat/chat-sdk-javascript";
import { useCallback, useState } from "react";
import { createRoot } from "react-dom/client";
import * as kit from "kit";

const { Composer, Conversations, Frame, Groups, Header, IncomingCall, List, Members, Pinned, Saved, Search, ThreadHeader, Users } = kit;
const config = JSON.parse(decodeURIComponent(location.hash.slice(1)));

/** Version 7 shows the buttons of extensions whether the settings list them or not: the page asks, as an app would. */
const EXTENSIONS = ["polls", "stickers", "document", "whiteboard", "message-translation"];
const on = {};
const composer = () => ({
  hideStickersButton: !on.stickers,
  hideAttachmentOptions: { polls: !on.polls, collaborativeDocument: !on.document, collaborativeWhiteboard: !on.whiteboard },
});

const isUser = (entity) => Boolean(entity?.getUid);
const sides = (entity) => (isUser(entity) ? { user: entity } : { group: entity });
const keyOf = (entity) => (isUser(entity) ? `user:${entity.getUid()}` : `group:${entity.getGuid()}`);

function Page({ me }) {
  const [tab, setTab] = useState("Chats");
  const [dark, setDark] = useState(false);
  return (
    <Frame dark={dark}>
      <Chat {...{ me, tab, setTab, dark, setDark }} />
    </Frame>
  );
}

function Chat({ me, tab, setTab, dark, setDark }) {
  const [chat, setChat] = useState(null);
  const [panel, setPanel] = useState(null);
  const [goTo, setGoTo] = useState(null);
  const open = useCallback((entity, message) => {
    setChat(entity);
    setPanel(null);
    setGoTo(message ?? null);
  }, []);
  const tell = kit.useKit(open);

  // A group is entered before it is opened, as the vendor's samples do.
  const enter = async (group) => {
    if (group.getHasJoined()) return open(group);
    const password = group.getType() === "password" ? prompt("Password") : "";
    const joined = await CometChat.joinGroup(group.getGuid(), group.getType(), password);
    joined.setHasJoined?.(true);
    tell("joined", { joinedUser: me, joinedGroup: joined });
    open(joined);
  };
  const openMessage = async (message) => {
    const other = message.getReceiverType() === "group" ? message.getReceiver()
      : message.getSender().getUid() === me.getUid() ? message.getReceiver() : message.getSender();
    open(other, message.getId());
  };

  return (
    <div className="app" data-dark={dark} data-chat={chat ? keyOf(chat) : ""}>
      <div className="side">
        <nav>
          {["Chats", "Users", "Groups", "Search", ...(Saved ? ["Saved"] : [])].map((name) => (
            <button key={name} aria-pressed={tab === name} onClick={() => setTab(name)}>{name}</button>
          ))}
          <button onClick={() => setDark(!dark)}>{dark ? "Light" : "Dark"}</button>
        </nav>
        <div className="grow" data-part="side">
          {tab === "Chats" && <Conversations onItemClick={(conversation) => open(conversation.getConversationWith())} />}
          {tab === "Users" && <Users onItemClick={(user) => open(user)} />}
          {tab === "Groups" && <Groups onItemClick={enter} />}
          {tab === "Search" && <Search onBack={() => setTab("Chats")} onConversation={(conversation) => open(conversation.getConversationWith())} onMessage={openMessage} />}
          {tab === "Saved" && <Saved onClose={() => setTab("Chats")} onItemClick={openMessage} />}
        </div>
      </div>
      {chat ? (
        <div className="chat" key={`${keyOf(chat)} ${goTo ?? ""}`}>
          <Header {...sides(chat)} hideBackButton onItemClick={() => setPanel({ kind: "details" })} showSearchOption showConversationSummaryButton={false} onSearchOptionClicked={() => setPanel({ kind: "search" })} onPinnedMessagesClicked={() => setPanel({ kind: "pinned" })} />
          <div className="grow" data-part="list">
            <List {...sides(chat)} goTo={goTo} onThreadRepliesClick={(message) => setPanel({ kind: "thread", message })} hideTranslateMessageOption={!on["message-translation"]} showMarkAsUnreadOption />
          </div>
          <div data-part="composer"><Composer {...sides(chat)} {...composer()} /></div>
        </div>
      ) : <div className="chat" />}
      {chat && panel && (
        <div className="panel" data-part="panel" key={`${keyOf(chat)} ${panel.kind} ${panel.message?.getId() ?? ""}`}>
          <Panel {...{ me, chat, panel, setPanel, open, openMessage, tell }} />
        </div>
      )}
      <IncomingCall />
    </div>
  );
}

function Panel({ me, chat, panel, setPanel, open, openMessage, tell }) {
  const close = () => setPanel(null);
  if (panel.kind === "thread") {
    const id = panel.message.getId();
    return (
      <>
        <ThreadHeader parentMessage={panel.message} onClose={close} />
        <div className="grow" data-part="thread"><List {...sides(chat)} parentMessageId={id} hideTranslateMessageOption={!on["message-translation"]} /></div>
        <div data-part="thread-composer"><Composer {...sides(chat)} parentMessageId={id} {...composer()} /></div>
      </>
    );
  }
  if (panel.kind === "search") return <div className="grow"><Search {...(isUser(chat) ? { uid: chat.getUid() } : { guid: chat.getGuid() })} onBack={close} onConversation={() => {}} onMessage={openMessage} /></div>;
  if (panel.kind === "pinned") return <div className="grow"><Pinned {...sides(chat)} onClose={close} onItemClick={openMessage} /></div>;
  return isUser(chat) ? <Person {...{ chat, close, tell }} /> : <Team {...{ me, chat, close, open, tell }} />;
}

function Person({ chat, close, tell }) {
  const [blocked, setBlocked] = useState(chat.getBlockedByMe());
  const turn = async () => {
    const uid = chat.getUid();
    await (blocked ? CometChat.unblockUsers([uid]) : CometChat.blockUsers([uid]));
    chat.setBlockedByMe(!blocked);
    setBlocked(!blocked);
    tell(blocked ? "unblocked" : "blocked", { user: chat });
  };
  return (
    <nav>
      <button onClick={turn}>{blocked ? "Unblock" : "Block"}</button>
      <button onClick={close}>Close</button>
    </nav>
  );
}

function Team({ me, chat, close, open, tell }) {
  const leave = async () => {
    await CometChat.leaveGroup(chat.getGuid());
    chat.setHasJoined(false);
    tell("left", { group: chat });
    open(null);
  };
  return (
    <>
      <nav>
        <button onClick={leave}>Leave</button>
        <button onClick={close}>Close</button>
      </nav>
      <div className="grow" data-part="members"><Members group={chat} /></div>
    </>
  );
}

kit.start(config).then(
  async (me) => {
    for (const slug of EXTENSIONS) on[slug] = await CometChat.isExtensionEnabled(slug);
    createRoot(document.getElementById("root")).render(<Page me={me} />);
  },
  (error) => {
    document.getElementById("root").textContent = `No login: ${JSON.stringify(error)}`;
    throw error;
  },
);
