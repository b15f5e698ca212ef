// The admin page as an admin meets it: set-up link, login, an app, keys, users with hostile names.
//
//   node admin.mjs BINARY [FOLDER FOR SCREENSHOTS]

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";

const [binary, shots] = process.argv.slice(2);
const data = await mkdtemp(join(tmpdir(), "hobnob-browser-"));
const server = spawn(binary, ["serve", "--data", data, "--http", "127.0.0.1:0", "--https", "off"]);
let said = "";
server.stdout.on("data", (chunk) => (said += chunk));
server.stderr.pipe(process.stderr);

async function until(what, check) {
  for (let tries = 0; tries < 200; tries += 1) {
    const found = check();
    if (found) return found;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`waited in vain for ${what}`);
}

const profile = join(data, "profile");
const browser = await chromium.launchPersistentContext(profile, {
  executablePath: "/usr/bin/chromium",
  headless: true,
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync"],
});

try {
  const link = await until("the set-up link", () => said.match(/http:\S+#setup=\w+/)?.[0]);
  const key = await until("the key", () => said.match(/REST API key\s+(\w+)/)?.[1]);
  const base = link.split("/admin")[0];
  const hostile = "<img src=x onerror=alert(1)>";
  for (const [uid, name] of [["eve", hostile], ["ann", "Ann"]]) {
    const made = await fetch(`${base}/v3/users`, { method: "POST", headers: { apikey: key }, body: JSON.stringify({ uid, name }) });
    assert.equal(made.status, 200);
  }
  await fetch(`${base}/v3/groups`, { method: "POST", headers: { apikey: key },
    body: JSON.stringify({ guid: "team", name: "The team", type: "public", owner: "ann" }) });

  const page = await browser.newPage();
  const complaints = [];
  page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("dialog", (dialog) => dialog.message().startsWith("Revoke") ? dialog.accept() : complaints.push(dialog.message()));
  const shot = async (name) => shots && (await page.screenshot({ path: join(shots, `${name}.png`), fullPage: true }));

  await page.goto(link);
  await page.getByLabel("Name").fill("root");
  await page.getByLabel("Password").fill("correct horse");
  await shot("setup");
  await page.getByRole("button", { name: "Create the admin" }).click();
  await page.getByRole("heading", { name: "Apps" }).waitFor();
  assert.ok(!page.url().includes("setup="), "the used link stays in the address bar");

  await page.getByRole("button", { name: "Log out" }).click();
  await page.getByLabel("Name").fill("root");
  await page.getByLabel("Password").fill("wrong password");
  await page.getByRole("button", { name: "Log in" }).click();
  await page.getByText("The name or the password is wrong.").waitFor();
  await page.getByLabel("Password").fill("correct horse");
  await page.getByRole("button", { name: "Log in" }).click();
  await page.getByRole("heading", { name: "Apps" }).waitFor();

  await page.getByLabel("Name").fill("Second app");
  await page.getByRole("button", { name: "Create" }).click();
  await page.getByText("shown only now").waitFor();
  await shot("apps");

  await page.getByRole("link", { name: "First app" }).click();
  await page.getByRole("cell", { name: hostile }).waitFor();
  await page.getByLabel("Name", { exact: true }).fill("For the test");
  await page.getByLabel("Scope").selectOption("fullAccess");
  await page.getByRole("button", { name: "Create key" }).click();
  await page.getByText("The new key, shown only now").waitFor();
  const fresh = await page.locator(".secret code").first().textContent();
  const users = async () => (await fetch(`${base}/v3/users`, { headers: { apikey: fresh } })).status;
  assert.equal(await users(), 200);
  await shot("app");
  await page.getByRole("button", { name: "Revoke For the test" }).click();
  await page.getByText("The new key, shown only now").waitFor({ state: "detached" });
  assert.equal(await users(), 401);

  const search = page.locator("section", { has: page.getByRole("heading", { name: "Users" }) });
  await search.getByLabel(/Search/).fill("an");
  await search.getByRole("button", { name: "Search" }).click();
  await search.getByText("1 in all").waitFor();
  await page.getByText("The team").waitFor();
  await page.setViewportSize({ width: 380, height: 800 });
  await shot("phone");
  const wide = await page.evaluate(() => document.documentElement.scrollWidth > innerWidth);
  assert.ok(!wide, "the page is wider than a phone");

  // The refused login is the browser's own complaint about a 403, and meant.
  const meant = /status of 40[13]/;
  assert.deepEqual(complaints.filter((text) => !meant.test(text)), []);
  console.log("1 passed, 0 failed");
} finally {
  await browser.close();
  server.kill("SIGTERM");
  await new Promise((resolve) => server.once("exit", resolve));
  await rm(data, { recursive: true, force: true });
}
