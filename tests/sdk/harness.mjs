// Runs the official JavaScript client, unmodified, against a built server: several users and
// several devices of one user in one process.
//
// The client is a single browser bundle that keeps its state in module scope and in the globals of
// its page. Evaluating its text once per device, with that device's own page, gives instances that
// share nothing.

import { execFile, spawn } from 'node:child_process';
import { promisify } from 'node:util';
import { randomBytes } from 'node:crypto';
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import WS from 'ws';
import { CURRENT, evaluate, page, storage, tlsFetch } from './page.mjs';

const PATIENCE = Number(process.env.HOBNOB_SUITE_PATIENCE_MS ?? 5000);

// ---------------------------------------------------------------------------------------------
// Waiting

/** The promise's outcome, or a failure that names what was awaited. */
export async function within(promise, what, ms = PATIENCE) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: no answer within ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Asks again and again until `probe` gives something true; for state that is only readable by asking. */
export async function until(what, probe, ms = PATIENCE) {
  const deadline = Date.now() + ms;
  for (;;) {
    const found = await probe();
    if (found) return found;
    if (Date.now() > deadline) throw new Error(`${what}: not so within ${ms} ms`);
    await new Promise((resume) => setTimeout(resume, 25));
  }
}

/** The call must be refused by the server with exactly this code. */
export async function refused(promise, ...codes) {
  let answer;
  try {
    answer = await promise;
  } catch (error) {
    assert.ok(codes.includes(error.code), `refused with ${error.code} (${error.message}), expected ${codes.join(' or ')}`);
    return error;
  }
  assert.fail(`accepted with ${JSON.stringify(answer)?.slice(0, 200)}, expected ${codes.join(' or ')}`);
}

// ---------------------------------------------------------------------------------------------
// The server

// A test run that is cut short takes its servers with it.
const started = new Set();
process.on('exit', () => started.forEach((child) => child.kill('SIGKILL')));
process.once('SIGTERM', () => process.exit(1));

/** A running server that this process started and may stop, kill and start again at the same addresses. */
export class Server {
  constructor(bin, data, settings = []) {
    this.bin = bin;
    this.data = data;
    this.settings = settings;
    this.log = '';
  }

  /** Where clients reach it: host and port, and the path below which it is found. */
  get address() {
    return this.https + (this.below ?? '');
  }

  /** One that is thrown away (`hobnob test`), with an app, for the pages that these clients believe to be on. */
  static async ofTests(bin = process.env.HOBNOB_BIN) {
    assert.ok(bin, 'start the suite with run.sh');
    const server = new Server(bin);
    const child = spawn(bin, ['test', '--origin', 'https://app.example'], { stdio: ['pipe', 'pipe', 'inherit'] });
    server.child = child;
    started.add(child);
    server.gone = new Promise((resolve) => child.once('exit', resolve));
    server.gone.then(() => started.delete(child));
    const [line] = await within(once(createInterface(child.stdout), 'line'), 'server start', 20000);
    server.app = JSON.parse(line);
    server.http = new URL(server.app.url).host;
    server.https = new URL(server.app.httpsUrl).host;
    return server;
  }

  /** Turns the clock of one that is thrown away; what is due on the way is done. */
  async advance(by) {
    const answer = await fetch(`${this.app.controlUrl}/clock`, { method: 'POST', body: JSON.stringify({ advance: by }) });
    assert.ok(answer.ok, await answer.text());
  }

  static async start(bin, data, settings) {
    const server = new Server(bin, data, settings);
    await server.up();
    return server;
  }

  async up() {
    const args = ['serve', '--data', this.data, '--http', this.http ?? '127.0.0.1:0', '--https', this.https ?? '127.0.0.1:0', ...this.settings];
    const child = spawn(this.bin, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    this.child = child;
    started.add(child);
    child.once('exit', () => started.delete(child));
    this.gone = new Promise((resolve) => child.once('exit', resolve));
    let said = '';
    const found = new Promise((resolve, reject) => {
      const read = (chunk) => {
        said += chunk;
        this.log = (this.log + chunk).slice(-20000);
        const http = said.match(/http:\/\/(127\.0\.0\.1:\d+)/)?.[1];
        const tls = said.match(/https:\/\/(127\.0\.0\.1:\d+)/)?.[1];
        if (http && tls) resolve({ http, tls });
      };
      child.stdout.on('data', read);
      child.stderr.on('data', read);
      child.once('error', reject);
      child.once('exit', (code) => reject(new Error(`the server ended with ${code}:\n${this.log}`)));
    });
    const { http, tls } = await within(found, 'server start', 20000);
    this.http = http;
    this.https = tls;
  }

  /** Ends it without warning, as a power cut would. */
  async kill() {
    this.child.kill('SIGKILL');
    await this.gone;
  }

  async stop() {
    this.child.kill('SIGTERM');
    await within(this.gone, 'server stop', 15000);
  }

  ca() {
    return this.app?.caPem ?? fs.readFileSync(path.join(this.data, 'tls', 'ca.pem'));
  }

  async createApp(name) {
    const args = ['app', 'create', name, '--data', this.data, '--json'];
    const { stdout } = await promisify(execFile)(this.bin, args);
    return JSON.parse(stdout.trim().split('\n').at(-1));
  }
}

// ---------------------------------------------------------------------------------------------
// An app of its own on a server, with its users' devices

export class World {
  static async open(server) {
    const world = new World();
    world.isAlone = !server;
    world.server = server ?? (await Server.ofTests());
    world.app = world.server.app ?? (await server.createApp(`suite-${randomBytes(4).toString('hex')}`));
    world.devices = [];
    world.known = new Set();
    world.fetch = tlsFetch(world.server);
    return world;
  }

  /** A call of the back end's REST API with the full key; gives the body and fails on an error envelope. */
  async api(method, path, body, headers = {}) {
    const answer = await this.raw(method, path, body, { apikey: this.app.apiKey, ...headers });
    if (answer.error) throw Object.assign(new Error(`${method} ${path}: ${answer.error.code} ${answer.error.message}`), answer.error);
    return answer.data;
  }

  async raw(method, path, body, headers) {
    const response = await this.fetch(`https://${this.server.address}/v3/${path}`, {
      method,
      headers: { appId: this.app.appId, Accept: 'application/json', 'Content-Type': 'application/json', ...headers },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    return response.json();
  }

  async user(uid, more = {}) {
    if (!this.known.has(uid)) {
      await this.api('POST', 'users', { uid, name: uid[0].toUpperCase() + uid.slice(1), ...more });
      this.known.add(uid);
    }
    return uid;
  }

  /** A client that is set up but nobody's yet. */
  async blank(label = 'nobody', options = {}) {
    const device = new Device(this, label, options);
    this.devices.push(device);
    await device.init();
    return device;
  }

  /** A logged-in device of `uid` whose socket the server has accepted. Each call is another device. */
  async device(uid, options = {}) {
    await this.user(uid);
    const others = this.devices.filter((device) => device.uid === uid).length;
    const device = await this.blank(others ? `${uid} (device ${others + 1})` : uid, options);
    await device.sdk.login(uid, this.app.authKey);
    await device.online();
    return device;
  }

  /**
   * A message from a bystander to each device, waited for. Frames reach a socket in the order of their
   * commits, so whatever the server had to say before has been heard when this returns: what is then
   * still unheard was never sent.
   */
  async fence(...devices) {
    this.post ??= await this.device('post');
    for (const uid of new Set(devices.map((device) => device.uid))) {
      const text = `fence ${randomBytes(6).toString('hex')}`;
      const ears = this.devices.filter((device) => device.uid === uid && device.connected);
      await this.post.say(uid, text);
      await Promise.all(ears.map((ear) => ear.expect('onTextMessageReceived', (m) => m.getText() === text)));
    }
  }

  /** After a fence: each of these devices heard nothing but what the test has already taken note of. */
  async quiet(...devices) {
    await this.fence(...devices);
    for (const device of devices) assert.deepEqual(device.unclaimed(), [], `${device.label} heard something unexpected`);
  }

  /** A clean page for the next test: what the last one still had under way arrives first and is forgotten. */
  async fresh(...devices) {
    await this.fence(...devices);
    this.forget(...devices);
  }

  forget(...devices) {
    for (const device of devices) device.heard.length = 0;
  }

  close() {
    for (const device of this.devices) device.close();
    // It ends with its standard input.
    if (this.isAlone) this.server.child.stdin.end();
    assert.deepEqual(this.devices.flatMap((device) => device.foreign), [], 'the client was sent to hosts that are not this server');
  }
}

// ---------------------------------------------------------------------------------------------
// One device: a page with the client in it

const EARS = {
  Message: [
    'onTextMessageReceived', 'onMediaMessageReceived', 'onCustomMessageReceived', 'onInteractiveMessageReceived',
    'onTypingStarted', 'onTypingEnded', 'onMessagesDelivered', 'onMessagesRead', 'onMessagesDeliveredToAll', 'onMessagesReadByAll',
    'onMessageEdited', 'onMessageDeleted', 'onTransientMessageReceived', 'onInteractionGoalCompleted',
    'onMessageReactionAdded', 'onMessageReactionRemoved', 'onMessageModerated',
    'onMessagePinned', 'onMessageUnpinned', 'onMessageSaved', 'onMessageUnsaved',
  ],
  User: ['onUserOnline', 'onUserOffline'],
  Group: [
    'onGroupMemberJoined', 'onGroupMemberLeft', 'onGroupMemberKicked', 'onGroupMemberBanned', 'onGroupMemberUnbanned',
    'onGroupMemberScopeChanged', 'onMemberAddedToGroup',
  ],
  Call: [
    'onIncomingCallReceived', 'onOutgoingCallAccepted', 'onOutgoingCallRejected', 'onIncomingCallCancelled', 'onCallEndedMessageReceived',
  ],
  Connection: ['inConnecting', 'onConnected', 'onDisconnected'],
  Login: ['loginSuccess', 'loginFailure', 'logoutSuccess', 'logoutFailure'],
  Conversation: ['onConversationPinned', 'onConversationUnpinned'],
};

// Comings and goings happen around every test and are only looked at by the tests about them.
const BACKGROUND = new Set([...EARS.User, ...EARS.Connection, ...EARS.Login]);

export class Device {
  constructor(world, label, { localStorage = storage(), sessionStorage = storage(), host, presence = 'all', autoConnect = true, sdk = CURRENT } = {}) {
    this.world = world;
    this.label = label;
    this.localStorage = localStorage;
    this.sessionStorage = sessionStorage;
    this.options = { host, presence, autoConnect, sdk };
    this.older = sdk !== CURRENT;
    this.isNative = sdk.startsWith('native');
    this.heard = [];
    this.waiting = [];
    this.requests = [];
    this.foreign = [];
    this.frames = [];
    this.sockets = [];
    this.accepted = 0;
    this.timers = new Set();
    this.page = page(this);
    const { CometChat, CometChatNotifications } = evaluate(this.page, sdk);
    this.client = CometChat;
    this.notifications = CometChatNotifications;
    this.sdk = named(this.client);
  }

  get uid() {
    return this.client.user?.getUid();
  }

  /** The id by which the client knows its own acts when the server sends them back. */
  get session() {
    return this.client.getSessionId();
  }

  async init() {
    const { host = `${this.world.server.address}/v3`, presence, autoConnect } = this.options;
    const builder = new this.client.AppSettingsBuilder().setRegion(this.world.app.region)
      .overrideAdminHost(host).overrideClientHost(host).autoEstablishSocketConnection(autoConnect);
    if (presence === 'all') builder.subscribePresenceForAllUsers();
    if (presence === 'friends') builder.subscribePresenceForFriends();
    if (Array.isArray(presence)) builder.subscribePresenceForRoles(presence);
    this.listen();
    assert.equal(await this.sdk.init(this.world.app.appId, builder.build()), true);
  }

  listen() {
    for (const [kind, names] of Object.entries(EARS)) {
      // Older clients do not know all of them.
      if (!this.client[`${kind}Listener`]) continue;
      const ears = Object.fromEntries(names.map((name) => [name, (...args) => this.hear(name, args)]));
      this.client[`add${kind}Listener`]('suite', new this.client[`${kind}Listener`](ears));
    }
  }

  hear(name, args) {
    this.heard.push({ name, args });
    for (const waiter of [...this.waiting]) waiter();
  }

  /** The first event of that name that satisfies `fits`, already heard or still to come; each is taken once. */
  async expect(name, fits = () => true, ms = PATIENCE) {
    const take = () => {
      const at = this.heard.findIndex((event) => event.name === name && fits(...event.args));
      return at < 0 ? undefined : this.heard.splice(at, 1)[0].args;
    };
    const ready = take();
    if (ready) return ready;
    let waiter, timer;
    try {
      return await new Promise((resolve, reject) => {
        waiter = () => {
          try {
            const args = take();
            if (args) resolve(args);
          } catch (error) {
            reject(error);
          }
        };
        this.waiting.push(waiter);
        timer = setTimeout(() => reject(new Error(`${this.label} never heard ${name}\n${this.story()}`)), ms);
      });
    } finally {
      clearTimeout(timer);
      this.waiting = this.waiting.filter((other) => other !== waiter);
    }
  }

  unclaimed() {
    return this.heard.filter((event) => !BACKGROUND.has(event.name)).map((event) => event.name);
  }

  /** What this device heard and what came over its socket lately, for a failure's message. */
  story() {
    const unclaimed = this.heard.map((event) => event.name).join(', ') || 'nothing';
    const frames = this.frames.slice(-6).map((frame) => `  ${frame.way} ${frame.text.slice(0, 1500)}`).join('\n');
    return `heard besides: ${unclaimed}\nlast frames:\n${frames}`;
  }

  get connected() {
    return !this.offline && this.accepted > 0 && this.sockets.at(-1)?.readyState === WS.OPEN;
  }

  /** The server accepted the current socket's login (the client calls itself connected long before). */
  async online(count = 1) {
    await until(`${this.label} accepted on the socket`, () => this.accepted >= count).catch((error) => {
      throw new Error(`${error.message}\n${this.story()}`);
    });
  }

  say(receiver, text, { type = 'user', ...more } = {}) {
    const message = new this.client.TextMessage(receiver, text, type);
    for (const [key, value] of Object.entries(more)) message[`set${key[0].toUpperCase()}${key.slice(1)}`](value);
    return this.sdk.sendMessage(message);
  }

  /** The page is loaded again: a new client on the same stores, so it knows who it was. */
  async reload({ before } = {}) {
    this.page.leave();
    this.close();
    before?.(this.localStorage);
    const { localStorage, sessionStorage } = this;
    const again = new Device(this.world, `${this.label} (reloaded)`, { ...this.options, localStorage, sessionStorage });
    this.world.devices.push(again);
    await again.init();
    return again;
  }

  /** The network goes away under this device: its socket breaks and no new one can be opened. */
  cut() {
    this.offline = true;
    for (const socket of this.sockets) socket.terminate();
  }

  mend() {
    this.offline = false;
  }

  close() {
    this.offline = true;
    for (const timer of this.timers) clearInterval(timer);
    for (const socket of this.sockets) socket.terminate();
  }
}

/** The client's calls with a deadline, and with real errors where the client throws plain objects. */
function named(client) {
  return new Proxy(client, {
    get(target, name) {
      const value = target[name];
      if (typeof value !== 'function' || /^[A-Z]/.test(name)) return value;
      return (...args) => {
        const result = value.apply(target, args);
        if (typeof result?.then !== 'function') return result;
        return within(result, name).catch((cause) => {
          if (cause instanceof Error && !cause.code) throw cause;
          const error = new Error(`${name}: ${cause?.code} ${cause?.message}`, { cause });
          throw Object.assign(error, { code: cause?.code, details: cause?.details });
        });
      };
    },
  });
}

// ---------------------------------------------------------------------------------------------
// Lists

/** Pages of a list request, from `first` call of `step` until an empty page; at most `most` of them. */
export async function pages(request, step = 'fetchNext', most = 20) {
  const all = [];
  while (all.length < most) {
    const page = await within(Promise.resolve(request[step]()), step);
    assert.ok(Array.isArray(page), `${step} gave ${JSON.stringify(page)}`);
    all.push(page);
    if (page.length === 0) return all;
  }
  throw new Error(`${step} did not come to an end in ${most} pages`);
}

export const texts = (messages) => messages.map((message) => message.getText());
export const uids = (users) => users.map((user) => user.getUid());
