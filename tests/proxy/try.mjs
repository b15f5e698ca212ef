// Everything a client does, through a proxy that has the server below /chat: see run.sh.
import assert from "node:assert/strict";

const { BASE: base, APP: app, KEY: key, AUTH: auth } = process.env;
const ask = async (method, path, headers = {}, body) => {
  const reply = await fetch(`${base}/v3${path}`, { method, headers: { appId: app, ...headers }, body });
  const text = await reply.text();
  assert.equal(reply.status, 200, `${method} ${path}: ${reply.status} ${text}`);
  return JSON.parse(text).data;
};

// Where things are.
const front = (await (await fetch(`${base}/`)).json()).data;
for (const page of [front.admin, front.apiPage, front.openapi, front.health]) {
  assert.ok(page.startsWith(base), page);
  assert.equal((await fetch(page)).status, 200, page);
}
for (const path of ["/", "/admin"]) {
  const moved = await fetch(base + path, { headers: { accept: "text/html" } });
  assert.equal(moved.url, `${base}/admin/`, path);
}

// A client logs in, and goes where the settings send it.
const login = await ask("POST", "/users/mira/auth_tokens", { apikey: auth });
const mira = { authToken: login.authToken };
const me = await ask("GET", "/me", mira);
const { settings } = me;
const place = base.replace("http://", "");
assert.equal(settings.CLIENT_API_HOST, place);
const socket = new WebSocket(`ws://${settings.CHAT_HOST}:${settings.CHAT_WSS_PORT}`);
const frames = [];
let wake = () => {};
socket.onmessage = ({ data }) => { frames.push(JSON.parse(data)); wake(); };
await new Promise((done, fail) => { socket.onopen = done; socket.onerror = () => fail(new Error(`no socket at ${socket.url}`)); });
const heard = async (fits) => {
  const late = setTimeout(() => { console.error("not heard; so far:", JSON.stringify(frames)); process.exit(1); }, 10_000);
  for (;;) {
    const found = frames.find(fits);
    if (found) return clearTimeout(late), found;
    await new Promise((done) => { wake = done; });
  }
};
socket.send(JSON.stringify({ appId: app, deviceId: "d1", type: "auth", sender: "mira", body: { auth: me.jwt, deviceId: "d1" } }));
assert.equal((await heard((frame) => frame.type === "auth")).body.code, "200");
const online = await fetch(`http://${settings.CHAT_HOST}/api/v3.0/online-members`, { method: "POST", body: "{}", headers: { appId: app, Authorization: me.jwt, "content-type": "application/json" } });
assert.equal(online.status, 200);

// A file larger than nginx takes by itself, sent by somebody else; it is heard of and fetched through the proxy.
const form = new FormData();
const bytes = new Uint8Array(3_000_000).fill(7);
for (const [name, value] of Object.entries({ receiver: "mira", receiverType: "user", category: "message", type: "file", data: "{}" })) form.append(name, value);
form.append("files[]", new Blob([bytes], { type: "text/plain" }), "big.txt");
const sent = await ask("POST", "/messages", { apikey: key, onBehalfOf: "tomas" }, form);
const frame = await heard((frame) => frame.type === "message");
for (const url of [sent.data.url, frame.body.data.attachments[0].url]) {
  assert.ok(url.startsWith(`${base}/media/`), url);
  const file = await fetch(url);
  assert.equal(file.status, 200, url);
  assert.equal((await file.arrayBuffer()).byteLength, bytes.length);
}
socket.close();
