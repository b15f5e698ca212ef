// What the app needs of the chat SDK, and no more.

import { CometChat } from '@cometchat/chat-sdk-javascript';

export interface Config {
  appId: string;
  region: string;
  authKey: string;
  /** Of a server of one's own: host, port and `/v3`. */
  host?: string;
}

export interface Talk {
  uid: string;
  name: string;
  last: string;
  unread: number;
}

export interface Line {
  id: number;
  from: string;
  text: string;
}

export type Connection = 'connected' | 'connecting' | 'disconnected';

export interface Ears {
  onLine(line: Line, message: CometChat.BaseMessage): void;
  onTyping(uid: string, typing: boolean): void;
  onConnection(state: Connection): void;
  onCall(state: 'ringing' | 'unanswered' | 'ended'): void;
}

/** Logs in; in production with a token that your back end asks for, here with the key that is for development. */
export async function logIn(config: Config, uid: string): Promise<string> {
  const settings = new CometChat.AppSettingsBuilder().setRegion(config.region).subscribePresenceForAllUsers();
  if (config.host) settings.overrideAdminHost(config.host).overrideClientHost(config.host);
  await CometChat.init(config.appId, settings.build());
  return (await CometChat.login(uid, config.authKey)).getName();
}

export const logOut = () => CometChat.logout();

export async function talks(): Promise<Talk[]> {
  const found = await new CometChat.ConversationsRequestBuilder().setConversationType('user').setLimit(30).build().fetchNext();
  return found.map((one) => {
    const other = one.getConversationWith() as CometChat.User;
    const last = one.getLastMessage();
    return {
      uid: other.getUid(),
      name: other.getName(),
      last: last instanceof CometChat.TextMessage ? last.getText() : '',
      unread: one.getUnreadMessageCount(),
    };
  });
}

const line = (message: CometChat.TextMessage): Line => ({
  id: message.getId(),
  from: message.getSender().getUid(),
  text: message.getText(),
});

/** The newest messages with somebody, which are read with that. */
export async function lines(uid: string): Promise<Line[]> {
  const request = new CometChat.MessagesRequestBuilder().setUID(uid).setCategories(['message']).setTypes(['text']);
  const found = await request.setLimit(50).build().fetchPrevious();
  const newest = found.at(-1);
  if (newest && newest.getSender().getUid() === uid) await CometChat.markAsRead(newest);
  return found.map((message) => line(message as CometChat.TextMessage));
}

export async function send(uid: string, text: string): Promise<Line> {
  return line((await CometChat.sendMessage(new CometChat.TextMessage(uid, text, 'user'))) as CometChat.TextMessage);
}

export const markRead = (message: CometChat.BaseMessage) => CometChat.markAsRead(message);
export const typing = (uid: string) => CometChat.startTyping(new CometChat.TypingIndicator(uid, 'user'));
export const call = (uid: string) => CometChat.initiateCall(new CometChat.Call(uid, 'audio', 'user'), 90);

/** Listens until the function that it gives is called. */
export function listen(ears: Ears): () => void {
  const id = 'talk';
  CometChat.addMessageListener(
    id,
    new CometChat.MessageListener({
      onTextMessageReceived: (message: CometChat.TextMessage) => ears.onLine(line(message), message),
      onTypingStarted: (it: CometChat.TypingIndicator) => ears.onTyping(it.getSender().getUid(), true),
      onTypingEnded: (it: CometChat.TypingIndicator) => ears.onTyping(it.getSender().getUid(), false),
    }),
  );
  CometChat.addCallListener(
    id,
    new CometChat.CallListener({
      onOutgoingCallRejected: (it: CometChat.Call) => ears.onCall(it.getStatus() === 'unanswered' ? 'unanswered' : 'ended'),
      onCallEndedMessageReceived: () => ears.onCall('ended'),
    }),
  );
  CometChat.addConnectionListener(
    id,
    new CometChat.ConnectionListener({
      inConnecting: () => ears.onConnection('connecting'),
      onConnected: () => ears.onConnection('connected'),
      onDisconnected: () => ears.onConnection('disconnected'),
    }),
  );
  // It may be there already.
  ears.onConnection(CometChat.getConnectionStatus() as Connection);
  return () => {
    CometChat.removeMessageListener(id);
    CometChat.removeCallListener(id);
    CometChat.removeConnectionListener(id);
  };
}

/** What the SDK throws is no Error. */
export const reason = (error: unknown) => (error as { message?: string }).message ?? String(error);
