/** What the line says with which a server is ready. */
export interface Ready {
  url: string;
  wsUrl: string;
  httpsUrl?: string;
  wssUrl?: string;
  /** The authority that clients of `httpsUrl` trust, e.g. by NODE_EXTRA_CA_CERTS. */
  caPem?: string;
  appId: string;
  region: string;
  authKey: string;
  apiKey: string;
  controlUrl: string;
  settings?: { adminHost: string; clientHost: string };
  pid: number;
  version: string;
}

/** A time: `2026-03-01T12:00:00Z`, Unix seconds, or counted from the clock (`-2h`). */
export type Time = string | number;
/** Seconds, or text like `1d2h`, `90s`, `250ms`. */
export type Duration = string | number;

export interface Clock {
  now: number;
  nowMs: number;
  iso: string;
  frozen: boolean;
  /** After a turn: at how many times on the way something was due. */
  stops?: number;
  /** After a turn: whether all that webhooks were to be told by then was told. One that does not answer is waited for two seconds. */
  settled?: boolean;
}

export interface Back {
  /** `close` (the default): they are told to come again; `keep`: those stay whose login is there then, too. */
  sockets?: 'close' | 'keep';
  faults?: 'clear' | 'keep';
}

export interface Fault {
  on?: { method?: string; path?: string; operation?: string; user?: string; socket?: boolean };
  /** So many pass first. */
  after?: number;
  /** It befalls so many; all if left out. */
  times?: number;
  delay?: Duration;
  status?: number;
  code?: string;
  message?: string;
  headers?: Record<string, string>;
  /** It is done, and the connection ends after so many bytes of the answer. */
  cut?: number;
  drop?: 'before' | 'after';
}

/** Users, groups, messages and more; `hobnob test init` writes an example of all of it. */
export interface Seed {
  clock?: Time | { at?: Time; frozen?: boolean };
  app?: { id?: string; name?: string; region?: string; authKey?: string; apiKey?: string };
  extensions?: string[];
  roles?: Array<{ role: string; name?: string; [field: string]: unknown }>;
  users?: Array<string | SeedUser>;
  groups?: SeedGroup[];
  messages?: SeedMessage[];
  webhooks?: Array<{ url: string; triggers: string[]; id?: string; name?: string; retries?: boolean; enabled?: boolean; username?: string; password?: string; /** What signs: `whsec_…` */ secret?: string }>;
  lines?: object[];
}

export interface SeedUser {
  uid: string;
  name?: string;
  avatar?: string;
  link?: string;
  role?: string;
  metadata?: object;
  tags?: string[];
  statusMessage?: string;
  token?: string;
  tokens?: string[];
  friends?: string[];
  blocks?: string[];
  createdAt?: Time;
  lastActiveAt?: Time;
  deactivatedAt?: Time;
  [field: string]: unknown;
}

export interface SeedGroup {
  guid: string;
  name?: string;
  type?: 'public' | 'private' | 'password';
  password?: string;
  owner?: string;
  members?: Record<string, 'admin' | 'moderator' | 'participant'> | Array<string | { uid: string; scope?: string; joinedAt?: Time }>;
  banned?: string[];
  [field: string]: unknown;
}

export interface SeedMessage {
  key?: string;
  from: string;
  to?: string;
  group?: string;
  text?: string;
  category?: string;
  type?: string;
  data?: object;
  metadata?: object;
  at?: Time;
  parent?: string;
  quote?: string;
  reactions?: Record<string, string | string[]>;
  delivered?: boolean | string[];
  read?: boolean | string[];
  [field: string]: unknown;
}

export interface Options {
  /** A file (JSON or YAML; a path from the current folder, or a `file:` URL), or what would be in it. */
  seed?: string | URL | Seed;
  /** Flags of `hobnob serve`, e.g. `['--limit', 'members=5']`. */
  flags?: string[];
  /** Pages that may reach it besides those of this machine: `['https://app.test']`. */
  origins?: string[];
  /** The program; else HOBNOB_BIN, the package for this platform, or the path. */
  bin?: string;
  env?: Record<string, string>;
}

export interface Look {
  kind?: 'request' | 'frameIn' | 'frameOut' | 'event' | 'webhook' | 'engine';
  title?: string;
  user?: string;
  group?: string;
  status?: number;
  failed?: boolean;
  /** Somewhere in it. */
  text?: string;
  /** What an entry must hold, at least. */
  like?: object;
  after?: number;
  count?: number;
}

export interface Entry {
  n?: number;
  at: number;
  kind: string;
  title: string;
  users: string[];
  group: string | null;
  status: number | null;
  failed: boolean;
  facts: Record<string, any>;
  bodies: Record<string, any>;
}

export interface To {
  to?: string;
  group?: string;
}

/** A user who acts without a client. */
export interface User {
  send(message: To & { text?: string; [field: string]: unknown }): Promise<any>;
  type(to: To & { ended?: boolean }): Promise<any>;
  call(to: To & { type?: 'audio' | 'video' }): Promise<any>;
  read(messageId: string | number): Promise<any>;
  deliver(messageId: string | number): Promise<any>;
  edit(messageId: string | number, text: string): Promise<any>;
  delete(messageId: string | number): Promise<any>;
  react(messageId: string | number, reaction: string): Promise<any>;
  unreact(messageId: string | number, reaction: string): Promise<any>;
  answer(sessionId: string): Promise<any>;
  reject(sessionId: string): Promise<any>;
  cancel(sessionId: string): Promise<any>;
  end(sessionId: string): Promise<any>;
  join(group: string): Promise<any>;
  leave(group: string): Promise<any>;
  block(uid: string): Promise<any>;
  unblock(uid: string): Promise<any>;
  /** Any request of the API on their behalf. */
  request(method: string, path: string, body?: unknown): Promise<any>;
}

export class HobnobError extends Error {
  status: number;
  code?: string;
  body: any;
}

export interface Hobnob extends Ready {}
export class Hobnob {
  readonly ready: Ready;
  readonly clock: {
    now(): Promise<Clock>;
    advance(by: Duration, more?: { /** How long webhooks may take, at each time on the way. */ patience?: Duration }): Promise<Clock>;
    set(to: Time | Date): Promise<Clock>;
    freeze(): Promise<Clock>;
    run(): Promise<Clock>;
  };
  readonly faults: {
    add(fault: Fault): Promise<{ id: number }>;
    list(): Promise<Array<{ id: number; rule: Fault; seen: number; hits: number }>>;
    clear(): Promise<{}>;
    /** As if the user's clients did not read: with no room left for a frame that matters, their sockets are closed (4003). */
    slowSocket(user: string, room?: number): Promise<{ sockets: number }>;
    dropSocket(user: string): Promise<{ sockets: number }>;
    closeSocket(user: string): Promise<{ sockets: number }>;
    holdFrames(user: string): Promise<{ sockets: number }>;
    tellTwice(user: string): Promise<{ sockets: number }>;
    mend(user: string): Promise<{ sockets: number }>;
  };
  control(method: string, path: string, body?: unknown): Promise<any>;
  api(method: string, path: string, body?: unknown, options?: { as?: string }): Promise<any>;
  journal(asked?: Look & { order?: 'time' | 'stream' }): Promise<Entry[]>;
  /** Waits until something has happened, before or after this is called. */
  until(what: Look | ((entry: Entry) => boolean), options?: { timeout?: number }): Promise<Entry>;
  reset(options?: Back): Promise<Clock>;
  snapshot(name: string): Promise<{}>;
  restore(name: string, options?: Back): Promise<Clock>;
  act(as: string, what: Record<string, unknown>): Promise<any>;
  as(uid: string): User;
  /** Settings for `CometChat.init`. */
  appSettings(CometChat: any): any;
  stop(): Promise<void>;
}

export function startHobnob(options?: Options): Promise<Hobnob>;
export function hobnobBinary(named?: string): string;
