// What every suite of the admin page needs: a server with an app, a browser that is logged in, and an ear for whatever goes
// wrong in the page. A suite is `run(name, async (house) => …)`; it fails on anything the console complains of, on any
// request elsewhere and on any breach of the content policy.
//
//   node SUITE.mjs BINARY [FOLDER FOR SCREENSHOTS]

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readFile, mkdir, mkdtemp, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";

export const PASSWORD = "correct horse";
/** A name as a stranger may choose it, and as the page spells it. */
export const HOSTILE = "<img src=x onerror=alert(1)>\u202egnp.exe";
export const SHOWN = HOSTILE.replace("\u202e", "[U+202E]");

export const CHROMIUM = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
  "--disable-background-networking", "--disable-component-update", "--disable-sync"];

export async function run(suite, play, { settings = [], logIn = true } = {}) {
  const [binary, folder] = process.argv.slice(2);
  const started = Date.now();
  const home = await mkdtemp(join(tmpdir(), "hobnob-browser-"));
  const shots = folder || join(home, "shots");
  await mkdir(shots, { recursive: true });
  const server = spawn(binary, ["serve", "--data", join(home, "data"), "--http", "127.0.0.1:0", "--https", "127.0.0.1:0", ...settings]);
  const gone = new Promise((resolve) => server.once("close", resolve));
  const house = { complaints: [], refusals: [], closing: [], pictures: 0, said: "" };
  let log = "";
  server.stdout.on("data", (chunk) => (house.said += chunk));
  server.stderr.on("data", (chunk) => (log += chunk));
  server.on("error", (error) => (house.said += error));
  let browser;
  const close = async () => {
    await browser?.close();
    for (const one of house.closing) one();
    server.kill("SIGTERM");
    await gone;
  };
  try {
    house.link = await until("the set-up link", () => house.said.match(/http:\S+#setup=\w+/)?.[0]);
    house.key = await until("the key", () => house.said.match(/REST API key\s+(\w+)/)?.[1]);
    house.secure = house.said.match(/https:\/\/(127\.0\.0\.1:\d+)/)[1];
    house.base = house.link.split("/admin")[0];
    house.server = server;
    browser = await chromium.launchPersistentContext(join(home, "profile"), {
      executablePath: "/usr/bin/chromium", headless: true, viewport: { width: 1100, height: 800 },
      permissions: ["clipboard-read", "clipboard-write"], args: CHROMIUM,
    });
    house.browser = browser;
    await furnish(house, shots, suite);
    if (logIn) await house.enter();
    await play(house);
    assert.deepEqual(house.refusals, []);
    assert.deepEqual(house.complaints, []);
    console.log(`${suite}: 1 passed, 0 failed, ${house.pictures} screenshots, ${((Date.now() - started) / 1000).toFixed(1)} s`);
    await close();
    await rm(home, { recursive: true, force: true });
  } catch (error) {
    await house.page?.screenshot({ path: join(shots, `${suite}-failed.png`), fullPage: true }).catch(() => {});
    await close();
    console.error(log.split("\n").slice(-30).join("\n"));
    console.error(error, house.complaints, house.refusals);
    console.error(`${suite}: 0 passed, 1 failed; screenshots in ${shots}`);
    process.exitCode = 1;
  }
}

/** Waits for what `check` gives to be true, and gives it. */
export async function until(what, check) {
  for (let tries = 0; tries < 400; tries += 1) {
    const found = await check();
    if (found) return found;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  throw new Error(`waited in vain for ${what}`);
}

/**
 * What makes the page wider than its window, or would: what is drawn by a script, or is a picture, has a width of its own that
 * may come a moment later. Each is made far too wide, so that it does not matter when this is asked.
 */
function wider() {
  const over = () => document.documentElement.scrollWidth > innerWidth;
  if (over()) {
    const held = (one) => one && (getComputedStyle(one).overflowX !== "visible" || held(one.parentElement));
    const out = [...document.querySelectorAll("body *")].filter((one) => one.getBoundingClientRect().right > innerWidth + 1 && !held(one.parentElement));
    return ["as it is", ...out.filter((one) => !out.some((other) => other !== one && one.contains(other))).slice(0, 4).map((one) => one.outerHTML.slice(0, 150))];
  }
  const own = [...document.querySelectorAll('canvas, img, video, audio, svg, iframe, object, [style*="width"]')];
  return own.filter((one) => {
    const before = one.style.width;
    one.style.width = "4000px";
    const is = over();
    one.style.width = before;
    return is;
  }).map((one) => one.outerHTML.slice(0, 200));
}

async function furnish(house, shots, suite) {
  const { base, key, browser, complaints, refusals } = house;
  const page = await browser.newPage();
  page.setDefaultTimeout(15_000);
  page.on("console", (message) => {
    if (!["error", "warning"].includes(message.type())) return;
    // The browser's own note of a 4xx answer; the test names those it means.
    const refused = message.text().match(/status of (4\d\d)/);
    if (refused) refusals.push(refused[1]);
    else complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("dialog", (dialog) => { complaints.push(`dialog: ${dialog.message()}`); dialog.dismiss(); });
  page.on("request", (request) => request.url().startsWith(base) || request.url().startsWith("blob:") || complaints.push(`asks ${request.url()}`));
  await page.exposeFunction("breached", (text) => complaints.push(`content policy: ${text}`));
  await page.addInitScript(() => addEventListener("securitypolicyviolation",
    (event) => window.breached(`${event.violatedDirective} ${event.blockedURI}`)));

  const axe = await readFile(createRequire(import.meta.url).resolve("axe-core"), "utf8");
  Object.assign(house, {
    page,
    button: (name) => page.getByRole("button", { name, exact: true }),
    heading: (name) => page.getByRole("heading", { name, exact: true }),
    tab: (name) => page.getByRole("navigation", { name: /^Parts of/ }).getByRole("link", { name, exact: true }).click(),
    dialog: () => page.getByRole("dialog"),
    shot: (name) => page.screenshot({ path: join(shots, `${suite}-${String((house.pictures += 1)).padStart(2, "0")}-${name}.png`), fullPage: true }),
    fits: async () => assert.deepEqual(await page.evaluate(wider), [], `wider than the window: ${page.url()}`),
    /** Goes to an address of the page, `#/…`, until its screen is there: fields of the one before may be called the same. */
    async go(hash) {
      await page.goto(`${base}/admin/${hash}`);
      await page.evaluate(() => new Promise((done) => setTimeout(done)));
      await page.locator("#main:not([aria-busy])").waitFor();
    },
    /** Nothing that keeps somebody out, as far as axe sees. */
    async accessible() {
      await page.evaluate(axe);
      const { violations } = await page.evaluate(() => window.axe.run(document));
      assert.deepEqual(violations.map(({ id, nodes }) => [id, nodes.map((node) => node.html.slice(0, 200))]), [], page.url());
    },
    /** What the server answers over REST with the app's key. */
    async asked(method, path, body, as) {
      const headers = { apikey: key, ...(as && { onBehalfOf: as }) };
      const response = await fetch(`${base}/v3${path}`, { method, headers, body: body && JSON.stringify(body) });
      return { status: response.status, ...(await response.json()) };
    },
    async rest(method, path, body, as) {
      const reply = await house.asked(method, path, body, as);
      assert.equal(reply.status, 200, `${method} ${path}: ${JSON.stringify(reply)}`);
      return reply.data;
    },
    /** Nothing may be seen of this status but what the test means. */
    refused: (...statuses) => assert.deepEqual(refusals.splice(0), statuses),
    /** Becomes admin by the one-time link; the app's id is known afterwards. */
    async enter() {
      await page.goto(house.link);
      await page.getByLabel("Name").fill("root");
      await page.getByLabel("Password").fill(PASSWORD);
      await page.getByLabel("The same again").fill(PASSWORD);
      await house.button("Become admin").click();
      const app = page.getByRole("link", { name: "First app" });
      house.app = (await app.getAttribute("href")).split("/")[2];
    },
    /** The same screen dark and on a phone, fitting and accessible. */
    async everywhere(name) {
      await house.fits();
      await house.accessible();
      await house.shot(name);
      await page.emulateMedia({ colorScheme: "dark" });
      await house.accessible();
      await house.shot(`${name}-dark`);
      await page.emulateMedia({ colorScheme: "light" });
      await page.setViewportSize({ width: 360, height: 740 });
      await house.fits();
      await house.accessible();
      await house.shot(`${name}-phone`);
      await page.setViewportSize({ width: 1100, height: 800 });
    },
  });
}
