// Watching the server: figures now and over time, health, and the log as it comes.

import assert from "node:assert/strict";
import { HOSTILE, run, until } from "./house.mjs";

run("watch", async (house) => {
  const { base, button, everywhere, go, heading, page, rest, tab } = house;
  for (const uid of ["ann", "bob"]) await rest("POST", "/users", { uid, name: HOSTILE });
  for (let n = 0; n < 5; n += 1) await rest("POST", "/messages", { receiver: "bob", receiverType: "user", type: "text", data: { text: `hello ${n}` } }, "ann");
  const secret = await page.evaluate(() => sessionStorage.getItem("hobnob-admin"));
  const ask = async (path) => (await (await fetch(`${base}/admin/api/${path}`, { headers: { "X-Hobnob-Admin": secret } })).json()).data;

  // A figure is kept each minute, and a test does not wait for minutes: the page is told a month in the very columns of the server.
  const real = await ask("series");
  const columns = Object.keys(real).filter((key) => !["since", "step", "at"].includes(key));
  assert.ok(columns.length >= 13 && columns.every((key) => Array.isArray(real[key])), Object.keys(real).join());
  await page.route("**/admin/api/series?since=*", (route) => {
    const since = Number(new URL(route.request().url()).searchParams.get("since"));
    const now = Math.floor(Date.now() / 1000);
    const step = now - since > 26 * 3600 ? 3600 : 60;
    // With a hole, as a stopped server leaves one.
    const at = Array.from({ length: Math.floor((now - since) / step) }, (_, place) => since - (since % step) + place * step).filter((_, place, all) => Math.abs(place - all.length / 2) > all.length / 20);
    const wave = (most, speed) => at.map((_, place) => Math.round(most * (1 + Math.sin(place / speed)) * (1 + (place % 7) / 20)));
    const data = { since: at[0], step, at, ...Object.fromEntries(columns.map((key, place) => [key, wave(key.endsWith("Bytes") ? 4e7 : 300, 20 + place)])) };
    return route.fulfill({ json: { data } });
  });
  await tab("Figures");
  const chart = page.getByRole("img", { name: /^Messages a minute\. Messages: .*, at most/ });
  await chart.waitFor();
  await until("all are drawn", async () => (await page.locator(".chart canvas").count()) === 9);
  await page.getByText("Deliveries a second").waitFor();
  await everywhere("figures");
  for (const [span, url] of [["Day", /figures\/day/], ["Month", /figures\/month/]]) {
    await page.getByRole("link", { name: span, exact: true }).focus();
    await page.keyboard.press("Enter");
    await page.waitForURL(url);
    // The address changes before the screen does.
    await page.locator(".subparts [aria-current=page]", { hasText: span }).waitFor();
    await until("all are drawn", async () => (await page.locator(".chart canvas").count()) === 9);
  }
  await everywhere("month");
  // Under the pointer it tells the figures there.
  const canvas = page.locator(".chart").first();
  const before = await canvas.locator("b").textContent();
  const box = await canvas.locator("canvas").boundingBox();
  await page.mouse.move(box.x + box.width * 0.3, box.y + box.height / 2);
  await until("the figures there", async () => (await canvas.locator("b").textContent()) !== before);
  await page.unroute("**/admin/api/series?since=*");

  // An app's own messages, from the server itself.
  await go(`#/app/${house.app}`);
  await page.getByRole("img", { name: /^Messages in each quarter of an hour, since yesterday\. Messages: \d+, at most 5\./ }).waitFor();
  await everywhere("app");

  // Health, as it is and as it is after a backup.
  await page.getByRole("link", { name: "Apps", exact: true }).first().click();
  await tab("Health");
  await page.getByText("There is no backup in the folder for them.").waitFor();
  await page.getByText("What is written is on disk.").waitFor();
  await everywhere("health");
  await button("Read the database through").click();
  await page.getByRole("dialog", { name: "The database is whole" }).waitFor();
  await button("Close").click();
  await button("Make a backup now").click();
  await button("Close").click();
  await page.getByText("The newest backup here is 0 days old.").waitFor();

  // The log, as it comes: what is done shows, unless it is held; levels and words narrow it.
  await tab("Log");
  const lines = page.getByRole("region", { name: "Lines" });
  await lines.getByText("listening at").first().waitFor();
  const wrong = (name) => fetch(`${base}/admin/api/login`, { method: "POST", body: JSON.stringify({ name, password: "wrong password" }) });
  const made = async (name) => fetch(`${base}/admin/api/apps`, { method: "POST", headers: { "X-Hobnob-Admin": secret }, body: JSON.stringify({ name }) });
  await wrong("nobody");
  await made("one");
  await lines.getByText("made the app").first().waitFor();
  await everywhere("log");
  const many = async () => lines.locator("li").count();
  await page.getByLabel("Hold").check();
  const held = await many();
  await made("two");
  await until("the server has said more", async () => (await ask("logs")).length > held);
  assert.equal(await many(), held);
  await page.getByLabel("Hold").uncheck();
  await until("it goes on", async () => (await many()) > held);
  await page.getByLabel("Words").fill("listening at");
  await until("two lines", async () => (await many()) === 2);
  await page.getByLabel("Words").fill("");
  await page.getByLabel("Show").selectOption("error");
  await page.getByText("There is no such line.").waitFor();
  await heading("Log").waitFor();
});
