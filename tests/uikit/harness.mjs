// A server with an app and its users, the built page served to a browser, and the law that every walk is held to: no
// answer of the server is a 404 or a 5xx, no error in a page, nothing asked of anybody else but the kit's own sounds.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createReadStream } from "node:fs";
import { mkdir, mkdtemp, rm, stat } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { extname, join, normalize } from "node:path";
import { chromium } from "playwright-core";
import { Person } from "./person.mjs";
import { PATIENCE, until } from "./until.mjs";

export { until };

const KINDS = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".png": "image/png", ".woff2": "font/woff2" };

/** A tenth of a second of nothing, as a sound file. */
export const SILENCE = (() => {
  const file = Buffer.alloc(44 + 800, 128);
  file.write("RIFF");
  file.writeUInt32LE(836, 4);
  file.write("WAVEfmt ", 8);
  file.writeUInt32LE(16, 16);
  file.writeUInt16LE(1, 20);
  file.writeUInt16LE(1, 22);
  file.writeUInt32LE(8000, 24);
  file.writeUInt32LE(8000, 28);
  file.writeUInt16LE(1, 32);
  file.writeUInt16LE(8, 34);
  file.write("data", 36);
  file.writeUInt32LE(800, 40);
  return file;
})();

/** What the public description answers with an error, and the kit takes so: there is no conversation with somebody yet. */
const SAID_SO = /\/(users|groups)\/[^/]+\/conversation$/;

/** Where documents and whiteboards are said to be; the browser is shown an empty page for it. */
const OUTSIDE = "https://boards.example";

async function listen(server) {
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { at: `http://127.0.0.1:${server.address().port}`, close: () => server.close() };
}

/** A service that "translates" as LibreTranslate does. */
function translate() {
  return listen(createServer((request, response) => {
    const parts = [];
    request.on("data", (part) => parts.push(part)).on("end", () => {
      const { q, target } = JSON.parse(Buffer.concat(parts));
      // It knows languages, and no regions.
      const known = /^[a-z]{2}$/.test(target);
      response.writeHead(known ? 200 : 400, { "Content-Type": "application/json" });
      if (!known) return response.end(JSON.stringify({ error: `${target} is not supported` }));
      response.end(JSON.stringify({ translatedText: `${q} (${target})`, detectedLanguage: { confidence: 90, language: "de" } }));
    });
  }));
}

/** The folder as a web server on a free port. */
async function serve(folder) {
  const server = createServer(async (request, response) => {
    const path = normalize(new URL(request.url, "http://page").pathname);
    const file = join(folder, path === "/" ? "index.html" : path);
    if (!(await stat(file).then((found) => found.isFile(), () => false))) return response.writeHead(404).end();
    response.writeHead(200, { "Content-Type": KINDS[extname(file)] ?? "application/octet-stream" });
    createReadStream(file).pipe(response);
  });
  return listen(server);
}

export class World {
  /** A server of its own, an app in it, and a browser; `folder` is a build of the page, `shots` where pictures go. */
  static async open(binary, folder, shots) {
    const world = new World();
    Object.assign(world, { home: await mkdtemp(join(tmpdir(), "hobnob-uikit-")), shots, pictures: 0, complaints: [], people: [], said: "" });
    await mkdir(shots, { recursive: true });
    const data = join(world.home, "data");
    world.translator = await translate();
    world.server = spawn(binary, ["serve", "--data", data, "--http", "127.0.0.1:0", "--https", "127.0.0.1:0", "--translate-url", world.translator.at,
      "--document-url", `${OUTSIDE}/pad/{id}`, "--whiteboard-url", `${OUTSIDE}/board/{id}`]);
    world.gone = new Promise((resolve) => world.server.once("close", resolve));
    const hear = (chunk) => (world.said += chunk);
    world.server.stdout.on("data", hear);
    world.server.stderr.on("data", hear);
    world.server.on("error", hear);
    try {
      await until("the server's addresses", () => /https:\/\/127/.test(world.said) && /REST API key\s+\w+/.test(world.said));
      world.http = world.said.match(/http:\/\/127\.0\.0\.1:\d+/)[0];
      world.host = world.said.match(/https:\/\/(127\.0\.0\.1:\d+)/)[1];
      world.key = world.said.match(/REST API key\s+(\w+)/)[1];
      world.authKey = world.said.match(/auth key\s+(\w+)/i)[1];
      world.appId = world.said.match(/App ID\s+(\w+)/i)[1];
      world.site = await serve(folder);
      world.browser = await chromium.launch({
        executablePath: "/usr/bin/chromium",
        args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
          "--disable-component-update", "--disable-sync", "--use-fake-device-for-media-stream"],
      });
    } catch (error) {
      await world.close();
      throw error;
    }
    return world;
  }

  /** A call of the app's back end. */
  async api(method, path, body, headers = {}) {
    const response = await fetch(`${this.http}/v3/${path}`, { method, headers: { apikey: this.key, appId: this.appId, "Content-Type": "application/json", ...headers }, body: body && JSON.stringify(body) });
    const answer = await response.json();
    assert.ok(response.ok, `${method} ${path}: ${JSON.stringify(answer)}`);
    return answer.data;
  }

  /** `uid` says it to `{ user }` or `{ group }` from another device. */
  say(uid, to, text, more = {}) {
    const [receiverType, receiver] = Object.entries(to)[0];
    return this.api("POST", "messages", { category: "message", type: "text", receiver, receiverType, data: { text }, ...more }, { onBehalfOf: uid });
  }

  /** The page of a user who has just logged in, in a browser profile of their own. */
  async person(uid, options = {}) {
    const context = await this.browser.newContext({ ignoreHTTPSErrors: true, viewport: { width: 1280, height: 800 }, locale: "en-US" });
    await context.grantPermissions(["clipboard-read", "clipboard-write", "microphone"]);
    const page = await context.newPage();
    page.setDefaultTimeout(PATIENCE);
    this.watch(uid, context, page);
    const config = { appId: this.appId, authKey: this.authKey, host: `${this.host}/v3`, uid, calls: true, ...options };
    await page.goto(`${this.site.at}/#${encodeURIComponent(JSON.stringify(config))}`);
    await page.locator(".app").waitFor();
    const person = new Person(uid, page);
    this.people.push(person);
    return person;
  }

  /** Closes a person's page. */
  async leave(person) {
    this.people = this.people.filter((one) => one !== person);
    await person.page.context().close();
  }

  watch(uid, context, page) {
    const complain = (text) => this.complaints.push(`${uid}: ${text}`);
    page.on("pageerror", (error) => complain(`page error: ${error.stack ?? error}`));
    page.on("console", (message) => {
      // The browser's own note of an answer, which is judged below.
      if (message.type() === "error" && !message.text().startsWith("Failed to load resource")) complain(`console: ${message.text()}`);
    });
    page.on("response", (response) => {
      const status = response.status();
      if ((status === 404 && !SAID_SO.test(response.url())) || status >= 500) complain(`${response.request().method()} ${response.url()}: ${status}`);
    });
    page.on("requestfailed", (request) => {
      // Aborted is what the page itself no longer wants, such as the rest of a film.
      const why = request.failure()?.errorText;
      if (why !== "net::ERR_ABORTED") complain(`failed: ${request.method()} ${request.url()} ${why}`);
    });
    // The kit's notification sounds lie at its vendor's, a font of version 6 at Google's; nothing else may leave the machine.
    const here = (url) => url.hostname === "127.0.0.1" || /(^|\.)localhost$/.test(url.hostname);
    return context.route((url) => !here(url) && /^https?:$/.test(url.protocol), (route) => {
      const request = route.request();
      if (request.resourceType() === "media") return route.fulfill({ contentType: "audio/wav", body: SILENCE });
      if (new URL(request.url()).hostname === "fonts.googleapis.com") return route.fulfill({ contentType: "text/css", body: "" });
      if (request.url().startsWith(`${OUTSIDE}/`)) return route.fulfill({ contentType: "text/html", body: "<title>Outside</title>" });
      complain(`asks ${request.url()}`);
      return route.abort();
    });
  }

  async shot(person, name) {
    await person.page.screenshot({ path: join(this.shots, `${String((this.pictures += 1)).padStart(2, "0")}-${name}-${person.uid}.png`) });
  }

  /** Nothing has gone wrong in any page so far. */
  lawful(after) {
    assert.deepEqual(this.complaints, [], `after ${after}`);
  }

  async close() {
    await this.browser?.close();
    this.site?.close();
    this.translator?.close();
    this.server.kill("SIGTERM");
    await this.gone;
    await rm(this.home, { recursive: true, force: true });
  }
}
