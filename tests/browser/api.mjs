// The API page: everything described is shown, can be found by keyboard, and can be tried.
//
//   node api.mjs BINARY [FOLDER FOR SCREENSHOTS]

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";

const [binary, shots] = process.argv.slice(2);
const data = await mkdtemp(join(tmpdir(), "hobnob-api-page-"));
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

const browser = await chromium.launchPersistentContext(join(data, "profile"), {
  executablePath: "/usr/bin/chromium",
  headless: true,
  viewport: { width: 1500, height: 1000 },
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync"],
});

try {
  const base = (await until("the address", () => said.match(/http:\/\/[^\s/]+/)))[0];
  const key = await until("the key", () => said.match(/REST API key\s+(\w+)/)?.[1]);
  const described = await (await fetch(`${base}/openapi.json`)).json();
  const operations = Object.entries(described.paths).flatMap(([path, item]) => Object.keys(item).map((method) => [method, path]));

  const page = await browser.newPage();
  const complaints = [];
  const elsewhere = [];
  page.on("console", (message) => message.type() === "error" && !message.text().includes("404") && complaints.push(message.text()));
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("request", (request) => request.url().startsWith(base) || request.url().startsWith("data:") || elsewhere.push(request.url()));
  const shot = async (name) => shots && (await page.screenshot({ path: join(shots, `${name}.png`) }));

  await page.goto(`${base}/admin/api.html`);
  await page.locator("details").first().waitFor();
  assert.equal(await page.locator("details:not(.object)").count(), operations.length, "every operation is there once");
  const ids = await page.locator("details").evaluateAll((all) => all.map((one) => one.id));
  assert.equal(new Set(ids).size, ids.length, "each has an address of its own");

  // Each opens without a complaint and says whom it serves.
  const open = await page.locator("details").evaluateAll((all) => Promise.all(all.map(async (one) => {
    const made = new Promise((resolve) => one.addEventListener("toggle", resolve, { once: true }));
    one.open = true;
    await made;
    const said = one.querySelector("p, td").textContent.length > 0;
    return said && (one.className === "object" || one.querySelectorAll("h3").length >= 2);
  })));
  assert.ok(open.every(Boolean));
  const lost = await page.locator("details a").evaluateAll((all) => all.filter((one) => !document.querySelector(one.hash)).map((one) => one.hash));
  assert.deepEqual(lost, [], "every object that is named is shown");

  // By keyboard: find, open, try, send.
  await page.reload();
  await page.locator("details").first().waitFor();
  await page.getByLabel("Find").focus();
  await page.keyboard.type("post users create-user");
  await page.getByText("1 operation fits.").waitFor();
  const found = page.locator("details:visible summary");
  await found.focus();
  await page.keyboard.press("Enter");
  await page.getByText("REST API key or Auth Key.").waitFor();
  await shot("api-operation");
  // The reply's fields, and from there to the object.
  const reply = page.locator("details:visible table", { has: page.locator("caption", { hasText: /^Reply$/ }) });
  await reply.getByRole("row").filter({ hasText: "data.uid" }).getByText("always").waitFor();
  await reply.getByRole("link", { name: "User", exact: true }).click();
  await page.locator("#object-User[open] table").getByText("statusMessage").waitFor();
  await shot("api-object");
  await page.goto(`${base}/admin/api.html#get-messages`);
  await page.locator("#get-messages[open]").waitFor();
  await shot("api-reply");
  await page.goto(`${base}/admin/api.html`);
  await page.locator("#post-users").locator("summary").click();
  await page.locator("details:visible").getByRole("button", { name: "Try it" }).focus();
  await page.keyboard.press("Enter");
  const form = page.locator("#try");
  assert.equal(await form.getByLabel("Path").inputValue(), "/v3/users");
  assert.equal(await form.getByLabel("Method").inputValue(), "POST");
  assert.ok("uid" in JSON.parse(await form.getByLabel("Body").inputValue()), "the body has the fields to begin with");
  await form.getByLabel("apikey").fill(key);
  const hostile = "<img src=x onerror=alert(1)>";
  await form.getByLabel("Body").fill(JSON.stringify({ uid: "eve", name: hostile }));
  await form.getByLabel("Path").press("Enter");
  await page.getByRole("heading", { name: /^200: / }).waitFor();
  const answer = JSON.parse(await page.locator("#answer-body").textContent());
  assert.deepEqual([answer.data.uid, answer.data.name], ["eve", hostile]);
  assert.equal(await page.locator("#answer img").count(), 0, "an answer is text");

  // A hole in the path is not sent; an error is shown as one; a DELETE may have a body.
  await page.goto(`${base}/admin/api.html#get-users-uid-`);
  await page.locator("#get-users-uid-[open]").getByRole("button", { name: "Try it" }).click();
  await form.getByRole("button", { name: "Send" }).click();
  await page.getByText("Put a value in the place of {uid}.").waitFor();
  await form.getByLabel("apikey").fill(key);
  await form.getByLabel("Path").fill("/v3/users/nobody");
  await form.getByRole("button", { name: "Send" }).click();
  await page.getByRole("heading", { name: /^404: / }).waitFor();
  await page.locator("#answer-body", { hasText: "ERR_UID_NOT_FOUND" }).waitFor();
  await form.getByLabel("Method").selectOption("DELETE");
  await form.getByLabel("Path").fill("/v3/users");
  await form.getByLabel("Body").fill('{"uidsToDeactivate": ["eve"]}');
  await form.getByRole("button", { name: "Send" }).click();
  await page.locator("#answer-body", { hasText: "deactivatedUids" }).waitFor();
  await shot("api-answer");
  await page.emulateMedia({ colorScheme: "dark" });
  await page.setViewportSize({ width: 420, height: 900 });
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  assert.equal(wide, 0, "nothing sticks out on a phone");
  await shot("api-phone-dark");

  assert.deepEqual(elsewhere, [], "nothing is loaded from elsewhere");
  assert.deepEqual(complaints, []);
  console.log("ok: the API page");
} finally {
  await browser.close();
  server.kill();
  await new Promise((resolve) => (server.exitCode === null ? server.once("exit", resolve) : resolve()));
  await rm(data, { recursive: true, force: true });
}
