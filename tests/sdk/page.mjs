// The page the client believes to be in: the globals it reads, its stores, and a network of real TLS
// that leads to the server under test and nowhere else.

import { createRequire } from 'node:module';
import fs from 'node:fs';
import https from 'node:https';
import WS from 'ws';
import { NativeForm, modules } from './clients.mjs';

const GLOBALS = [
  'window', 'self', 'document', 'navigator', 'location', 'screen', 'localStorage', 'sessionStorage', 'indexedDB', 'WebSocket', 'fetch',
  'XMLHttpRequest', 'setInterval', 'setTimeout', 'FormData', '__DEV__', 'require', 'module', 'exports', 'define',
];
/** The version most tests are about. */
export const CURRENT = '@cometchat/chat-sdk-javascript';
const compiled = new Map();

export function evaluate(page, sdk = CURRENT) {
  if (!compiled.has(sdk)) {
    compiled.set(sdk, new Function(...GLOBALS, fs.readFileSync(createRequire(import.meta.url).resolve(sdk), 'utf8')));
  }
  const module = { exports: {} };
  compiled.get(sdk)(...GLOBALS.map((name) => ({ ...page.globals, module, exports: module.exports })[name]));
  return module.exports;
}

/** What the client finds around it on `device`, and a way to leave the page as a browser does. */
export function page(device) {
  const nothing = () => {};
  const handlers = new Map();
  const window = {
    localStorage: device.localStorage,
    sessionStorage: device.sessionStorage,
    navigator: { userAgent: 'hobnob suite', onLine: true, language: 'en', platform: 'node' },
    location: new URL('https://app.example/'),
    screen: { width: 800, height: 600 },
    matchMedia: () => ({ matches: false }),
    addEventListener: (name, handler) => handlers.set(name, [...(handlers.get(name) ?? []), handler]),
    removeEventListener: nothing,
    setTimeout,
  };
  const element = () => ({ style: {}, setAttribute: nothing, appendChild: nothing, addEventListener: nothing });
  const document = {
    addEventListener: nothing,
    removeEventListener: nothing,
    createElement: element,
    querySelector: () => null,
    querySelectorAll: () => [],
    getElementsByName: () => [],
    getElementsByTagName: () => [],
    getElementById: () => null,
    hasFocus: () => true,
    body: element(),
    documentElement: element(),
  };
  window.document = document;
  const globals = {
    ...window,
    window,
    self: window,
    WebSocket: socketClass(device),
    fetch: pageFetch(device),
    XMLHttpRequest: requestClass(device),
    FormData: device.isNative ? NativeForm : FormData,
    __DEV__: false,
    require: modules(device),
    // The client pings every 15 s and tries to reconnect every 5 s: twenty times faster here.
    setInterval: (act, ms) => {
      const timer = setInterval(act, ms === 15000 || ms === 5000 ? ms / 20 : ms);
      device.timers.add(timer);
      return timer.unref();
    },
    // Its report of the session comes 5 s after a login, and fails unheard when that user is gone by then: a client that
    // logs out empties its store first and forgets who it was a moment later.
    setTimeout: (act, ms) => (ms === 5000 ? setTimeout(() => isLoggedIn(device) && act(), ms / 20) : setTimeout(act, ms)).unref(),
  };
  const tell = (name, event) => handlers.get(name)?.forEach((handler) => handler(event));
  return { globals, tell, leave: () => tell('beforeunload', {}) };
}

function isLoggedIn(device) {
  return device.uid && !device.offline && device.localStorage.entries().some(([key]) => key.endsWith('/user'));
}

export function storage() {
  const map = new Map();
  return {
    get length() {
      return map.size;
    },
    key: (at) => [...map.keys()][at] ?? null,
    getItem: (key) => map.get(String(key)) ?? null,
    setItem: (key, value) => void map.set(String(key), String(value)),
    removeItem: (key) => void map.delete(String(key)),
    clear: () => map.clear(),
    entries: () => [...map.entries()],
  };
}

/** The stores of tabs of one browser: what one of them changes there the others hear of, as pages do. */
export function tabs(count) {
  const shared = storage();
  const stores = Array.from({ length: count }, () => ({ hear: () => {} }));
  for (const store of stores) {
    const change = (key, newValue, act) => {
      const oldValue = key === null ? null : shared.getItem(key);
      act();
      for (const other of stores) if (other !== store && oldValue !== newValue) other.hear({ key, oldValue, newValue, storageArea: other });
    };
    Object.assign(store, {
      key: shared.key,
      getItem: shared.getItem,
      entries: shared.entries,
      setItem: (key, value) => change(String(key), String(value), () => shared.setItem(key, value)),
      removeItem: (key) => change(String(key), null, () => shared.removeItem(key)),
      clear: () => change(null, null, () => shared.clear()),
    });
    Object.defineProperty(store, 'length', { get: () => shared.length });
  }
  return stores;
}

function socketClass(device) {
  const ca = device.world.server.ca();
  return class extends WS {
    constructor(url) {
      // A port nobody listens on stands for a network that is away.
      super(device.offline ? 'wss://127.0.0.1:1' : url, { ca, origin: 'https://app.example', handshakeTimeout: 3000 });
      device.sockets.push(this);
      // Clients listen once more for each thing they ask over it.
      this.setMaxListeners(0);
      this.on('error', () => {});
      this.on('close', (code) => (this.closedWith = code));
      this.on('message', (data, binary) => {
        const text = binary ? '<binary>' : data.toString();
        device.frames.push({ way: 'in ', text, at: Date.now() });
        if (text.includes('"auth"')) {
          const frame = JSON.parse(text);
          if (frame.type === 'auth') {
            this.answer = frame.body;
            if (frame.body?.code === '200' && frame.body?.status === 'OK') device.accepted++;
          }
        }
      });
    }

    send(data, ...more) {
      device.frames.push({ way: 'out', text: String(data), at: Date.now() });
      return super.send(data, ...more);
    }
  };
}

function pageFetch(device) {
  return async (url, { referrer, mode, cache, ...options } = {}) => {
    const target = new URL(url);
    // Older clients ask their maker's hosts for some things, whatever host they are told.
    if (device.older && /\.cometchat(-[a-z]+)?\.(io|com)$/.test(target.hostname)) {
      target.host = device.world.server.https;
      url = target.href;
    }
    // The one call for which the client leaves the port out: answered as if the server stood at 443.
    if (target.hostname === '127.0.0.1' && !target.port && target.pathname.endsWith('/online-members')) {
      target.host = device.world.server.https;
      url = target.href;
    }
    // Extensions have names of their own below the same server.
    const extension = /^[a-z0-9-]+\.ext\.localhost$/.test(target.hostname) && target.port === device.world.server.https.split(':')[1];
    if (target.host !== device.world.server.https && !extension) {
      device.foreign.push(String(url));
      throw new TypeError(`the client asked a host that is not the server: ${url}`);
    }
    const request = { method: options.method ?? 'GET', path: target.pathname + target.search, headers: options.headers, body: options.body };
    device.requests.push(request);
    try {
      const response = await device.world.fetch(url, options);
      request.status = response.status;
      request.answer = await response.clone().text();
      // The client does not catch the failure of its session report, which would look like a test's.
      if (!target.pathname.endsWith('/user_sessions') || response.ok) return response;
    } catch (error) {
      if (!target.pathname.endsWith('/user_sessions')) throw error;
    }
    return new Promise(() => {});
  };
}

/** Just enough of it for the client's uploads, which want progress events. */
function requestClass(device) {
  return class {
    constructor() {
      this.upload = { addEventListener() {} };
      this.headers = {};
      this.handlers = {};
      this.status = 0;
      this.readyState = 0;
    }

    open(method, url) {
      Object.assign(this, { method, url });
    }

    setRequestHeader(name, value) {
      this.headers[name] = value;
    }

    addEventListener(name, handler) {
      this.handlers[name] = handler;
    }

    abort() {}

    send(body) {
      const tell = (name) => {
        this[`on${name}`]?.({ target: this });
        this.handlers[name]?.({ target: this });
      };
      const { method, headers } = this;
      pageFetch(device)(this.url, { method, headers, body })
        .then(async (response) => {
          this.responseText = this.response = await response.text();
          Object.assign(this, { status: response.status, readyState: 4 });
          tell('load');
        })
        .catch(() => tell('error'));
    }
  };
}

/** `fetch` over TLS that trusts only the server's own authority. */
export function tlsFetch(server) {
  const ca = server.ca();
  return async (url, options = {}) => {
    const request = new Request(url, options);
    const body = Buffer.from(await request.arrayBuffer());
    const headers = Object.fromEntries(request.headers);
    if (body.length) headers['content-length'] = body.length;
    return new Promise((resolve, reject) => {
      // Browsers take every name below localhost for their own machine; Node asks the system, which may not.
      const lookup = new URL(url).hostname.endsWith('.localhost') ? (name, { all }, done) => (all ? done(null, [{ address: '127.0.0.1', family: 4 }]) : done(null, '127.0.0.1', 4)) : undefined;
      const outgoing = https.request(url, { method: request.method, headers, ca, agent: false, lookup }, (incoming) => {
        const parts = [];
        incoming.on('data', (part) => parts.push(part));
        incoming.on('error', reject);
        incoming.on('end', () => {
          const { statusCode: status } = incoming;
          const empty = status === 204 || status === 304;
          const pairs = Object.entries(incoming.headers).map(([name, value]) => [name, String(value)]);
          resolve(new Response(empty ? null : Buffer.concat(parts), { status, headers: pairs }));
        });
      });
      outgoing.on('error', reject);
      outgoing.end(body);
    });
  };
}
