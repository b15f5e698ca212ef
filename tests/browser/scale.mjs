// How the admin page is with much in it: opens, searches and scrolls what is long, in a folder that examples/crowd.rs filled.
// It tells times and judges none; not part of the suite.
//
//   node scale.mjs BINARY FOLDER [TIMES]

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readFile, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { CHROMIUM, PASSWORD, until } from "./house.mjs";

const [binary, folder, times = "5"] = process.argv.slice(2);
const { app, key, link } = JSON.parse(await readFile(join(folder, "crowd.json"), "utf8"));
const server = spawn(binary, ["serve", "--data", folder, "--http", "127.0.0.1:0", "--https", "off"]);
let said = "";
for (const stream of [server.stdout, server.stderr]) stream.on("data", (chunk) => (said += chunk));
const gone = new Promise((done) => server.once("close", done));
const home = await mkdtemp(join(tmpdir(), "hobnob-scale-"));
let browser;
try {
  const base = await until("the address", () => said.match(/http:\/\/127\.0\.0\.1:\d+/)?.[0]);
  const enter = async (body, path) => (await (await fetch(`${base}/admin/api/${path}`, { method: "POST", body: JSON.stringify({ name: "root", password: PASSWORD, ...body }) })).json()).data?.session;
  const session = (await enter({}, "login")) ?? (await enter({ link }, "setup"));
  assert.ok(session, said);
  browser = await chromium.launchPersistentContext(join(home, "profile"), { executablePath: "/usr/bin/chromium", headless: true, viewport: { width: 1100, height: 800 }, args: CHROMIUM });
  const page = await browser.newPage();
  page.setDefaultTimeout(60_000);
  await page.addInitScript((secret) => sessionStorage.setItem("hobnob-admin", secret), session);
  const go = (hash) => page.goto(`${base}/admin/#/${hash}`);
  const inApp = (...names) => `app/${app}/${names.join("/")}`;
  const quiet = async () => {
    await page.locator("h1").waitFor();
    await until("all of it is there", async () => (await page.getByText("Loading…").count()) === 0 && (await page.locator('[aria-busy="true"]').count()) === 0);
  };
  const lines = [];
  /** The middle and the longest of some tries; the first one, which reads from the disk, is told beside them. */
  const measure = async (what, prepare, act, done) => {
    const took = [];
    for (let n = 0; n < Number(times) + 1; n += 1) {
      await prepare(n);
      const begun = performance.now();
      await act(n);
      await done(n);
      took.push(performance.now() - begun);
    }
    const [first, ...rest] = took;
    rest.sort((a, b) => a - b);
    lines.push([what, first, rest[Math.floor(rest.length / 2)], rest.at(-1)]);
    console.log(`| ${what} | ${lines.at(-1).slice(1).map((ms) => ms.toFixed(0)).join(" | ")} |`);
  };
  const away = () => go("account").then(quiet);
  const all = /^[\d,]+ in all/;
  /** Opened by its address; a search is typed. */
  const open = (what, hash) => measure(`${what}: open`, away, () => go(hash), quiet);
  const list = async (what, hash, label, word) => {
    await measure(`${what}: open`, away, () => go(hash), async () => { await page.getByText(all).waitFor(); });
    if (word) {
      await measure(`${what}: search (${word})`, async () => { await away(); await go(hash); await page.getByText(all).waitFor(); }, async () => {
        const asked = page.waitForResponse((response) => response.url().includes("searchKey="));
        await page.getByLabel(label).fill(word);
        await asked;
      }, quiet);
    }
    await measure(`${what}: next page`, (n) => (n ? null : go(hash).then(() => page.getByText(all).waitFor())), () => page.getByRole("button", { name: "Next" }).click(), (n) => page.getByText(new RegExp(`^Page ${n + 2} of`)).waitFor());
    // The end of the list is the farthest from its beginning.
    const pages = Number((await page.getByText(/^Page \d+ of/).textContent()).match(/of ([\d,]+)/)[1].replaceAll(",", ""));
    await measure(`${what}: last page`, away, () => go(`${hash}?page=${pages}`), async () => { await page.getByText(`Page ${pages.toLocaleString("en")} of`).waitFor(); await quiet(); });
  };
  console.log("| what | first ms | p50 ms | longest ms |\n| --- | ---: | ---: | ---: |");
  await open("overview of the server", "");
  await open("overview of the app", inApp());
  await list("users", inApp("users"), /Search/, "user777");
  await list("users", inApp("users") + "?show=deactivated", /Search/).catch(() => console.log("| users, deactivated | none | | |"));
  await list("groups", inApp("groups"), /Search/, "group77");
  await open("a group of 2,000", inApp("groups", "everybody"));
  await list("conversations", inApp("conversations"), /Search/);
  await list("audit log", "audit");
  const stream = page.getByRole("region", { name: "Messages" });
  const big = inApp("conversations", "id", "group_everybody");
  await measure("a conversation of 500,000: open", away, () => go(big), () => stream.locator(".message").first().waitFor());
  for (const word of ["bab", "nosuchword"]) {
    await measure(`a conversation of 500,000: search (${word})`, async () => { await away(); await go(big); await stream.locator(".message").first().waitFor(); }, async () => {
      await page.getByLabel("Words").fill(word);
      const asked = page.waitForResponse((response) => response.url().includes("searchKey="));
      await page.getByRole("button", { name: "Search", exact: true }).click();
      await asked;
    }, quiet);
  }
  // Scrolled up, a screen at a time: how long until what is above is there, and the longest frame meanwhile.
  await go(big);
  await stream.locator(".message").first().waitFor();
  const scrolled = await stream.evaluate(async (region) => {
    const frames = [];
    let last = performance.now();
    let on = true;
    const tick = (now) => {
      frames.push(now - last);
      last = now;
      if (on) requestAnimationFrame(tick);
    };
    requestAnimationFrame(tick);
    const begun = performance.now();
    let seen = new Set();
    for (let step = 0; step < 200; step += 1) {
      region.scrollTop -= region.clientHeight;
      await new Promise((done) => setTimeout(done, 30));
      for (const one of region.querySelectorAll(".message")) seen.add(one.textContent);
    }
    on = false;
    frames.sort((a, b) => a - b);
    return { took: performance.now() - begun, seen: seen.size, p99: frames[Math.floor(frames.length * 0.99)], longest: frames.at(-1), inPage: region.querySelectorAll(".message").length };
  });
  console.log(`\nscrolled ${scrolled.seen} messages in ${(scrolled.took / 1000).toFixed(1)} s; frames: p99 ${scrolled.p99.toFixed(0)} ms, longest ${scrolled.longest.toFixed(0)} ms; at most ${scrolled.inPage} in the page`);
  await open("a user", inApp("users", "user7"));
} finally {
  await browser?.close();
  server.kill("SIGTERM");
  await gone;
  await rm(home, { recursive: true, force: true });
}
