// The live tail: what was just done is shown, told apart, narrowed, held, opened, copied and saved; texts only when asked for.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { HOSTILE, run, until } from "./house.mjs";

run("tail", async (house) => {
  const { button, everywhere, go, page, rest, tab } = house;
  for (const uid of ["ann", "bob"]) await rest("POST", "/users", { uid, name: HOSTILE });
  const send = (text, as = "ann") => rest("POST", "/messages", { receiver: as === "ann" ? "bob" : "ann", receiverType: "user", type: "text", data: { text } }, as);
  await tab("Live");
  await page.getByText("Nothing yet.").waitFor();
  const region = page.getByRole("region", { name: "What happens" });
  const entries = region.locator("button.entry");
  // Told from when the server knows of the viewer.
  const opened = async (what, act) => {
    const asked = page.waitForResponse((response) => response.request().method() === "POST" && response.url().endsWith("/admin/api/tail"));
    await act();
    assert.equal((await asked).status(), 200, what);
  };
  await until("it listens", async () => {
    await rest("GET", "/users/ann");
    return (await entries.count()) > 0;
  });
  await send("a plan nobody else may read");
  const call = entries.filter({ hasText: "POST /messages" }).first();
  await call.waitFor();
  assert.match(await call.textContent(), /call\s*200.*ann › bob/);
  assert.ok((await entries.filter({ hasText: "event" }).count()) > 0);
  assert.ok(!(await region.textContent()).includes("plan"));
  await rest("GET", `/users/ann?${"x".repeat(2000)}=${encodeURIComponent(HOSTILE)}`);

  // By keyboard: opened, with the call to make again and the ways on.
  await call.focus();
  await page.keyboard.press("Enter");
  const more = region.locator(".more").first();
  const curl = await more.getByRole("region", { name: "As curl" }).textContent();
  assert.match(curl, /^curl -X POST 'http:\/\/127\.0\.0\.1:\d+\/v3\/messages'/);
  assert.match(curl, /apiKey: \$API_KEY[^]*onBehalfOf: ann/);
  assert.ok(!curl.includes(house.key) && curl.includes('"receiver":"bob"'), curl);
  assert.match(await more.getByRole("region", { name: "All of it" }).textContent(), /"text": "\(27 characters\)"/);
  await everywhere("open");
  await more.getByRole("link", { name: "User bob" }).click();
  await page.waitForURL(/users\/bob$/);
  await page.goBack();
  await until("it listens anew", async () => {
    await rest("GET", "/users/ann");
    return (await entries.count()) > 0;
  });

  // Held: nothing moves, and what came meanwhile is there afterwards.
  await button("Hold").click();
  await page.getByText(/seen, held|held$/).waitFor();
  const before = await entries.count();
  await send("while it is held");
  await page.evaluate(() => new Promise((resolve) => setTimeout(resolve, 300)));
  assert.equal(await entries.count(), before);
  await button("Go on").click();
  await entries.filter({ hasText: "POST /messages" }).first().waitFor();

  // Narrowed: what failed alone; one user; and with texts, which is noted.
  await opened("failed", () => page.getByLabel("Status").selectOption("failed"));
  await button("Clear").click();
  await rest("GET", "/users/bob");
  assert.equal((await house.asked("GET", "/users/nobody")).status, 404);
  await entries.filter({ hasText: "GET /users/nobody" }).first().waitFor();
  assert.equal(await entries.count(), 1);
  assert.match(await entries.first().textContent(), /404.*ERR_UID_NOT_FOUND/);
  await page.getByLabel("Status").selectOption("");
  await opened("of ann", () => page.getByLabel("User").fill("ann"));
  await opened("calls", () => page.getByLabel("Kind").selectOption("request"));
  await opened("texts", () => page.getByLabel(/^With what people write/).check());
  await button("Clear").click();
  await rest("GET", "/users/bob");
  await send("a plan to be read");
  await entries.first().waitFor();
  assert.match(await entries.first().textContent(), /POST \/messages/);
  await entries.first().click();
  assert.match(await region.getByRole("region", { name: "All of it" }).textContent(), /a plan to be read/);
  const saving = page.waitForEvent("download");
  await button("Save as JSON lines").click();
  const lines = (await readFile(await (await saving).path(), "utf8")).trim().split("\n").map((line) => JSON.parse(line));
  assert.ok(lines.length >= 1 && lines.every((line) => line.kind === "request" && line.users.includes("ann")));
  await everywhere("texts");
  await tab("Audit log");
  await page.getByText("tail.read").first().waitFor();
});
