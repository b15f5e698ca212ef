// Starts `hobnob test` and speaks with its control API. No dependencies, and none of the globals that tests like to replace. It is
// CommonJS, which every runner of tests can load, jest as it comes, too.

'use strict';

const { spawn } = require('node:child_process');
const { existsSync } = require('node:fs');
const { mkdtemp, rm, writeFile } = require('node:fs/promises');
const http = require('node:http');
const { tmpdir } = require('node:os');
const { join } = require('node:path');
const { URL, fileURLToPath } = require('node:url');
const { trust } = require('./trust.js');

const READY = 20_000;
// The longest that the server waits for something.
const LONGEST = 300_000;
const PLATFORM = `${process.platform}-${process.arch}`;

/** A refusal of the control API or of the server's API. */
class HobnobError extends Error {
  constructor(status, body, what) {
    const error = body?.error ?? {};
    const fields = Object.values(error.details ?? {}).flat();
    super(`${what}: ${[error.message ?? `status ${status}`, ...fields].join(' ')}`);
    this.name = 'HobnobError';
    this.status = status;
    this.code = error.code;
    this.body = body;
  }
}

/** Where the program is: named, in the package for this platform, or on the path. */
function hobnobBinary(named = process.env.HOBNOB_BIN) {
  if (named) return named;
  const program = process.platform === 'win32' ? 'hobnob.exe' : 'hobnob';
  try {
    const found = require.resolve(`hobnob-test-${PLATFORM}/bin/${program}`);
    if (existsSync(found)) return found;
  } catch {
    // No package for this platform.
  }
  return program;
}

/** Why a program cannot be started, and what to do. */
function unstartable(program, error) {
  const why =
    program.startsWith('hobnob') && error.code === 'ENOENT'
      ? `there is no program for ${PLATFORM} in the package (hobnob-test-${PLATFORM} is not installed), and none on the path`
      : error.message;
  return new Error(`cannot start ${program}: ${why}. Build Hobnob, and set HOBNOB_BIN to the program.`, { cause: error });
}

/** Starts a server and waits until it is ready. */
async function startHobnob(options = {}) {
  const { seed, flags = [], origins = [], bin, env } = options;
  let folder;
  const args = ['test'];
  if (typeof seed === 'string') args.push('--seed', seed);
  else if (seed instanceof URL) args.push('--seed', fileURLToPath(seed));
  else if (seed) {
    folder = await mkdtemp(join(tmpdir(), 'hobnob-seed-'));
    const file = join(folder, 'seed.json');
    await writeFile(file, JSON.stringify(seed, null, 1));
    args.push('--seed', file);
  }
  for (const origin of origins) args.push('--origin', origin);
  if (flags.length) args.push('--', ...flags);
  const program = hobnobBinary(bin);
  // Its standard input is a pipe from here: it ends when this process does.
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'], env: { ...process.env, ...env } });
  try {
    return new Hobnob(child, await line(child, program));
  } catch (error) {
    child.kill();
    throw error;
  } finally {
    if (folder) await rm(folder, { recursive: true, force: true });
  }
}

function line(child, program) {
  return new Promise((resolve, reject) => {
    let said = '';
    let complaint = '';
    const late = setTimeout(() => reject(new Error(`${program} was not ready in ${READY} ms: ${complaint}`)), READY);
    const end = (settle, value) => {
      clearTimeout(late);
      settle(value);
    };
    child.stdout.setEncoding('utf8').on('data', (text) => {
      said += text;
      if (!said.includes('\n')) return;
      const first = said.slice(0, said.indexOf('\n'));
      try {
        end(resolve, JSON.parse(first));
      } catch {
        // Another program of this name, or a script around it that says something first.
        end(reject, new Error(`${program} is no Hobnob, or says something before it is ready: ${first.slice(0, 200)}`));
      }
    });
    child.stderr.setEncoding('utf8').on('data', (text) => {
      complaint = (complaint + text).slice(-10_000);
      child.complaint = complaint;
    });
    child.on('error', (error) => end(reject, unstartable(program, error)));
    child.on('exit', (code) => end(reject, new Error(`${program} ended with ${code}: ${complaint.trim()}`)));
  });
}

const agent = new http.Agent({ keepAlive: true });

/** A request with JSON in and out; what it answers, without the envelope. */
function ask(method, url, body, headers, what) {
  return new Promise((resolve, reject) => {
    const content = body === undefined ? undefined : Buffer.from(JSON.stringify(body));
    if (content) headers = { ...headers, 'content-type': 'application/json', 'content-length': content.length };
    const request = http.request(url, { method, headers, agent }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (part) => (text += part));
      response.on('error', (error) => reject(new Error(`${what}: ${error.message}`)));
      response.on('end', () => {
        let answer;
        try {
          answer = JSON.parse(text);
        } catch {
          answer = text;
        }
        if (response.statusCode < 400) resolve(answer?.data ?? answer);
        else reject(new HobnobError(response.statusCode, answer, what));
      });
    });
    request.on('error', (error) => reject(new Error(`${what}: ${error.message}`)));
    request.end(content);
  });
}

/** A server for tests that runs. */
class Hobnob {
  #child;
  #ended;

  constructor(child, ready) {
    this.#child = child;
    this.#ended = new Promise((resolve) => child.on('exit', resolve));
    // Whoever forgets to stop it is not kept alive by it.
    child.unref();
    for (const pipe of [child.stdin, child.stdout, child.stderr]) pipe.unref?.();
    // A worker whose runner was killed may live on for a while: the server is of no use to it any more.
    // (jest shows tests a copy of `process`, on which nothing happens.)
    const worker = process.getBuiltinModule?.('process') ?? process;
    if (worker.connected) worker.once('disconnect', () => child.stdin.end());
    this.ready = ready;
    Object.assign(this, ready);
    // Whoever started it may speak https with it, by fetch, sockets or the SDK.
    if (ready.caPem) trust(ready.caPem);
    const control = (method, path, body) => this.control(method, path, body);
    this.clock = {
      now: () => control('GET', '/clock'),
      advance: (by, more = {}) => control('POST', '/clock', { advance: by, ...more }),
      set: async (to) => control('POST', '/clock', { set: to instanceof Date ? to.toISOString() : to }),
      freeze: () => control('POST', '/clock', { freeze: true }),
      run: () => control('POST', '/clock', { freeze: false }),
    };
    const sockets = (what) => (user) => control('POST', '/sockets', { user, do: what });
    this.faults = {
      add: (fault) => control('POST', '/faults', fault),
      list: () => control('GET', '/faults'),
      clear: () => control('DELETE', '/faults'),
      dropSocket: sockets('drop'),
      closeSocket: sockets('close'),
      holdFrames: sockets('hold'),
      tellTwice: sockets('twice'),
      slowSocket: (user, room = 0) => control('POST', '/sockets', { user, do: 'slow', room }),
      mend: sockets('mend'),
    };
  }

  /** A call of the control API. */
  control(method, path, body) {
    return this.#ask(method, this.ready.controlUrl + path, body, {}, `${method} /_test${path}`);
  }

  async #ask(method, url, body, headers, what) {
    try {
      return await ask(method, url, body, headers, what);
    } catch (error) {
      const { exitCode, signalCode, complaint = '' } = this.#child;
      if (error instanceof HobnobError || (exitCode === null && signalCode === null)) throw error;
      throw new Error(`${what}: the server has ended (${signalCode ?? exitCode}). ${complaint}`.trim());
    }
  }

  /** A request of the API with the full key; `as` names the user on whose behalf. */
  api(method, path, body, { as } = {}) {
    const headers = { appId: this.ready.appId, apiKey: this.ready.apiKey };
    if (as) headers.onBehalfOf = as;
    return this.#ask(method, `${this.ready.url}/v3${path}`, body, headers, `${method} ${path}`);
  }

  /** What has happened: `journal({ kind: 'frameOut', user: 'ann' })`. */
  async journal(asked = {}) {
    const said = Object.entries(asked).filter(([, value]) => value !== undefined);
    const query = said.map(
      ([name, value]) => `${name}=${encodeURIComponent(typeof value === 'object' ? JSON.stringify(value) : value)}`,
    );
    return (await this.control('GET', `/journal?${query.join('&')}`)).entries;
  }

  /** Waits until something has happened: by what it must be like, or by a function of an entry. The entry. */
  async until(what, { timeout = 5000 } = {}) {
    if (!(timeout >= 0)) throw new RangeError(`the timeout must be milliseconds, and is ${timeout}`);
    timeout = Math.min(Math.round(timeout), LONGEST);
    if (typeof what !== 'function') {
      return (await this.control('POST', '/wait', { timeout: `${timeout}ms`, ...what })).entries[0];
    }
    const end = Date.now() + timeout;
    const seen = [];
    let after = 0;
    for (;;) {
      const left = Math.max(0, end - Date.now());
      try {
        const { last, entries } = await this.control('POST', '/wait', { after, timeout: `${left}ms` });
        const found = entries.find(what);
        if (found) return found;
        seen.push(...entries);
        seen.splice(0, seen.length - 20);
        after = last;
      } catch (error) {
        if (error.code !== 'ERR_READ_TIMEOUT') throw error;
        const short = seen.map(({ kind, title, users }) => `${kind} ${title} (${users.join(', ')})`).join('; ');
        throw new Error(`In ${timeout} ms nothing fitted. What happened last: ${short || 'nothing'}.`, { cause: error });
      }
    }
  }

  /** Back to the seed. */
  reset(options = {}) {
    return this.control('POST', '/reset', options);
  }

  snapshot(name) {
    return this.control('POST', '/snapshot', { name });
  }

  restore(name, options = {}) {
    return this.control('POST', '/restore', { name, ...options });
  }

  /** Does one thing as a user: `act('ann', { send: { to: 'bob', text: 'hi' } })`. */
  act(as, what) {
    return this.control('POST', '/act', { as, ...what });
  }

  /** A user who acts without a client. */
  as(uid) {
    const act = (word) => (what) => this.act(uid, { [word]: what });
    const about = (word) => (messageId, more = {}) => this.act(uid, { [word]: { messageId, ...more } });
    const session = (word) => (sessionId) => this.act(uid, { [word]: { sessionId } });
    return {
      send: act('send'),
      type: act('type'),
      call: act('call'),
      read: about('read'),
      deliver: about('deliver'),
      delete: about('delete'),
      edit: (messageId, text) => about('edit')(messageId, { text }),
      react: (messageId, reaction) => about('react')(messageId, { reaction }),
      unreact: (messageId, reaction) => about('unreact')(messageId, { reaction }),
      answer: session('answer'),
      reject: session('reject'),
      cancel: session('cancel'),
      end: session('end'),
      join: (group) => this.act(uid, { join: { group } }),
      leave: (group) => this.act(uid, { leave: { group } }),
      block: (to) => this.act(uid, { block: { to } }),
      unblock: (to) => this.act(uid, { unblock: { to } }),
      request: (method, path, body) => this.control(method, `/as/${encodeURIComponent(uid)}${path}`, body),
    };
  }

  /** Settings of the official JavaScript SDK for this server. */
  appSettings(CometChat) {
    const { region, settings } = this.ready;
    return new CometChat.AppSettingsBuilder()
      .setRegion(region)
      .subscribePresenceForAllUsers()
      .autoEstablishSocketConnection(true)
      .overrideAdminHost(settings.adminHost)
      .overrideClientHost(settings.clientHost)
      .build();
  }

  /** Ends it; nothing is left of it. */
  async stop() {
    this.#child.ref();
    this.#child.stdin.end();
    await this.#ended;
  }

  async [Symbol.asyncDispose ?? Symbol.for('Symbol.asyncDispose')]() {
    await this.stop();
  }
}

module.exports = { Hobnob, HobnobError, hobnobBinary, startHobnob };
