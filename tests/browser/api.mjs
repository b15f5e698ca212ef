// The API page: everything described is shown, can be found by keyboard, and can be tried.

import assert from "node:assert/strict";
import { run } from "./house.mjs";

run("api", async (house) => {
  const { accessible, base, key, page, refused, shot } = house;
  await page.setViewportSize({ width: 1500, height: 1000 });
  const described = await (await fetch(`${base}/openapi.json`)).json();
  const operations = Object.entries(described.paths).flatMap(([path, item]) => Object.keys(item).map((method) => [method, path]));

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
  await shot("operation");
  // The reply's fields, and from there to the object.
  const reply = page.locator("details:visible table", { has: page.locator("caption", { hasText: /^Reply$/ }) });
  await reply.getByRole("row").filter({ hasText: "data.uid" }).getByText("always").waitFor();
  await reply.getByRole("link", { name: "User", exact: true }).click();
  await page.locator("#object-User[open] table").getByText("statusMessage").waitFor();
  await shot("object");
  await page.goto(`${base}/admin/api.html#get-messages`);
  await page.locator("#get-messages[open]").waitFor();
  await shot("reply");
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

  await accessible();

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
  refused("404");
  await form.getByLabel("Method").selectOption("DELETE");
  await form.getByLabel("Path").fill("/v3/users");
  await form.getByLabel("Body").fill('{"uidsToDeactivate": ["eve"]}');
  await form.getByRole("button", { name: "Send" }).click();
  await page.locator("#answer-body", { hasText: "deactivatedUids" }).waitFor();
  await shot("answer");
  await page.emulateMedia({ colorScheme: "dark" });
  await page.setViewportSize({ width: 420, height: 900 });
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  assert.equal(wide, 0, "nothing sticks out on a phone");
  await accessible();
  await shot("phone-dark");
}, { logIn: false });
