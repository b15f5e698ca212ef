// The table of what each client can do here: cases by method, run against one client at a time.
//
// A case belongs to the method, setter or listener it is named after and says nothing about versions: what a client does not
// have is found by looking, and what it does otherwise is said by the case that saw it.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import { World, until, within } from '../harness.mjs';
import { CURRENT } from '../page.mjs';

/** What came of a case: `note` says why, where it is not simply `works`. */
export const WORKS = 'works';
export const DIFFERS = 'differs';
export const CLIENT_LACKS = 'absent in the client';
export const SERVER_LACKS = 'absent here';
export const FAILS = 'fails';

class Outcome extends Error {
  constructor(kind, note) {
    super(note);
    this.kind = kind;
  }
}

/** Ends a case: this client does it in another way. */
export const differs = (note) => {
  throw new Outcome(DIFFERS, note);
};

/** Ends a case: the server has no such thing, and says so at once. */
export async function absentHere(promise, note) {
  try {
    await promise;
  } catch (error) {
    assert.ok(error.code, `refused, but with ${error.message}`);
    throw new Outcome(SERVER_LACKS, note);
  }
  assert.fail('it was to be refused');
}

const CASES = [];

/** The case of one row, or of several that are proved by the same play. */
export function row(names, play) {
  for (const name of [names].flat()) CASES.push({ name, play });
}

export const cases = () => CASES;

/** Two users, each on a device with the client under test, in an app of their own. */
export class Stage {
  static async open(client) {
    const stage = new Stage();
    stage.title = client.title;
    stage.sdk = client.name;
    stage.text = fs.readFileSync(createRequire(import.meta.url).resolve(client.name), 'utf8');
    const w = await World.open();
    stage.w = w;
    stage.ann = await w.device('ann', { sdk: client.name });
    stage.bob = await w.device('bob', { sdk: client.name });
    stage.client = stage.ann.client;
    stage.count = 0;
    stage.played = new Map();
    return stage;
  }

  get current() {
    return this.sdk === CURRENT;
  }

  /** Whether the client has the method, setter or listener of this name. */
  has(name) {
    const [owner, member] = name.split('.');
    if (owner.endsWith('Listener')) return new RegExp(`\\b${member}\\b`).test(this.text);
    const there = owner === 'CometChat' ? this.client : owner === 'CometChatNotifications' ? this.ann.notifications : this.client[owner]?.prototype;
    return typeof there?.[member] === 'function';
  }

  /** A name nothing else here has. */
  fresh(kind) {
    return `${kind}-${++this.count}`;
  }

  /** Another device with the same client. */
  device(uid, options = {}) {
    return this.w.device(uid, { sdk: this.sdk, ...options });
  }

  blank(options = {}) {
    return this.w.blank('somebody', { sdk: this.sdk, ...options });
  }

  api(method, path, body, uid) {
    return this.w.api(method, path, body, uid ? { onBehalfOf: uid } : {});
  }

  /** A group of ann's with bob in it. */
  async group(type = 'public', more = {}) {
    const guid = this.fresh('group');
    await this.api('POST', 'groups', { guid, name: `Name of ${guid}`, type, owner: 'ann', members: { participants: ['bob'] }, ...more });
    await this.hushed();
    return guid;
  }

  /** What was said so far has arrived, and is forgotten. */
  hushed() {
    return this.w.fresh(this.ann, this.bob);
  }

  /** Plays one case. */
  async play({ name, play }) {
    if (!this.has(name)) return { kind: CLIENT_LACKS };
    // Rows that are proved by the same play are proved at once.
    if (!this.played.has(play)) this.played.set(play, await this.outcome(name, play));
    return this.played.get(play);
  }

  async outcome(name, play) {
    try {
      await within(Promise.resolve(play(this)), name, 120000);
      return { kind: WORKS };
    } catch (error) {
      if (error instanceof Outcome) return { kind: error.kind, note: error.message };
      const last = this.ann.requests.slice(-3).map(({ method, path, status, answer }) => `${method} ${path} -> ${status} ${answer?.slice(0, 300)}`);
      return { kind: FAILS, note: error?.stack ?? JSON.stringify(error), detail: last.join('\n') };
    } finally {
      for (const device of this.w.devices) device.heard.length = 0;
    }
  }

  close() {
    for (const device of this.w.devices) device.close();
  }
}

/** Every public function of a client, as rows are named. */
export function functions(client) {
  const found = [];
  for (const name of Object.getOwnPropertyNames(client)) {
    const value = client[name];
    if (typeof value !== 'function') continue;
    if (/^[a-z]/.test(name)) found.push(`CometChat.${name}`);
    else if (name.endsWith('Builder')) found.push(...members(value).map((member) => `${name}.${member}`));
    else if (name.endsWith('Request')) found.push(...members(value).filter((member) => member.startsWith('fetch')).map((member) => `${name}.${member}`));
  }
  return found;
}

const members = (type) => Object.getOwnPropertyNames(type.prototype).filter((member) => member !== 'constructor' && member !== 'build');

/** What is asked for in the order given, each value once. */
export const sorted = (values) => [...values].map(String).sort();

export function sameSet(found, expected, what) {
  assert.deepEqual(sorted(found), sorted(expected), what);
}

/** `device` hears it; gives the first argument of the listener. */
export async function hears(device, name, fits = () => true) {
  const [first] = await device.expect(name, fits);
  return first;
}

export { assert, until, within };
