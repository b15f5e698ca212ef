// The admin page as an admin meets it: set-up link, login, an app, keys, users with hostile names, a user's logins,
// groups, webhooks, deleting an app.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { HOSTILE, PASSWORD, SHOWN, run, until } from "./house.mjs";

run("admin", async (house) => {
  const { accessible, base, browser, button, fits, heading, key, link, page, refusals, rest, secure, shot, tab } = house;
  const seen = async (name) => {
    await accessible();
    await shot(name);
  };
  const metadata = { note: "</pre><script>alert(1)</script>" };
  await rest("POST", "/users", { uid: "eve", name: HOSTILE, metadata, statusMessage: HOSTILE, avatar: "https://evil.example/a.png" });
  await rest("POST", "/users", { uid: "ann", name: "Ann Example" });
  for (let n = 0; n < 30; n += 1) await rest("POST", "/users", { uid: `crew-${n}`, name: `Crew ${n}` });
  await rest("POST", "/groups", { guid: "team", name: HOSTILE, type: "private", owner: "ann", description: HOSTILE, members: { participants: ["eve"] } });

  // The one-time link.
  await page.goto(link);
  await page.getByLabel("Name").fill("root");
  await page.getByLabel("Password").fill(PASSWORD);
  await page.getByLabel("The same again").fill("incorrect horse");
  await button("Become admin").click();
  await page.getByText("The two passwords differ.").waitFor();
  await seen("setup");
  await page.getByLabel("The same again").fill(PASSWORD);
  await button("Become admin").click();
  await heading("This server").waitFor();
  assert.ok(!page.url().includes("setup="), "the used link stays in the address bar");

  // Out and in again.
  await button("Log out").click();
  await page.getByText("You have logged out.").waitFor();
  await page.getByLabel("Name").fill("root");
  await page.getByLabel("Password").fill("wrong password");
  await button("Log in").click();
  await page.getByText("The name or the password is wrong.").waitFor();
  await seen("login");
  assert.deepEqual(refusals.splice(0), ["403"]);
  await page.getByLabel("Password").fill(PASSWORD);
  await page.getByLabel("Password").press("Enter");
  await heading("This server").waitFor();
  await seen("overview");

  // An app, with its values seen once.
  await page.getByLabel("Name").fill("Second app");
  await button("Create app").click();
  await heading("The keys of Second app").waitFor();
  await page.getByText(`"${secure}/v3"`).first().waitFor();
  await seen("app-made");
  const values = await page.locator(".values code").allTextContents();
  assert.equal(values.length, 4);
  await button("Copy REST API key").click();
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), values[3]);
  const second = await fetch(`${base}/v3/users`, { headers: { apikey: values[3], appId: values[0] } });
  assert.equal(second.status, 200);

  // Keys.
  await page.getByRole("link", { name: "First app" }).click();
  await heading("Connect a client").waitFor();
  await seen("app");
  await tab("Keys");
  await page.getByLabel("Name", { exact: true }).fill("For the test");
  await page.getByLabel("Scope").selectOption("fullAccess");
  await button("Create key").click();
  await heading("The new key For the test").waitFor();
  const fresh = await page.locator(".secret code").textContent();
  const works = async () => (await fetch(`${base}/v3/users`, { headers: { apikey: fresh } })).status;
  assert.equal(await works(), 200);
  await seen("key-made");
  await button("Revoke For the test").click();
  await page.getByRole("dialog").getByText("It cannot be brought back.").waitFor();
  await seen("revoke");
  await page.keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "detached" });
  assert.equal(await works(), 200, "Escape revokes nothing");
  await button("Revoke For the test").click();
  await button("Revoke key").click();
  await button("Revoke For the test").waitFor({ state: "detached" });
  assert.equal(await works(), 401);

  // Users: a hostile name is text, search narrows, pages turn.
  await tab("Users");
  await page.getByRole("cell", { name: SHOWN }).waitFor();
  assert.equal(await page.locator("main img").count(), 0);
  await page.getByText("32 in all").waitFor();
  await seen("users");
  await button("Next").click();
  await page.getByText("Page 2 of 2").waitFor();
  await page.getByLabel(/Search/).fill("ann");
  await page.getByText("1 in all").waitFor();
  await page.getByLabel(/Search/).fill("nobody-like-this");
  await page.getByText("Nothing fits this search.").waitFor();
  await page.getByLabel(/Search/).fill("");
  await page.getByText("32 in all").waitFor();

  // A user who is online, with two logins; one is ended, and its connection with it.
  const { authToken } = await rest("POST", "/users/eve/auth_tokens", {});
  await rest("POST", "/users/eve/auth_tokens", {});
  const me = await (await fetch(`${base}/v3/me`, { headers: { authtoken: authToken } })).json();
  const other = await browser.newPage();
  // A page without a content policy, to play a client.
  await other.goto(`${base}/v3/settings`);
  await other.evaluate(([url, jwt]) => new Promise((resolve) => {
    const socket = new WebSocket(url);
    socket.onopen = () => socket.send(JSON.stringify({ type: "auth", deviceId: "web", sender: "eve", body: { auth: jwt } }));
    socket.onmessage = resolve;
    window.ended = new Promise((done) => (socket.onclose = done));
  }), [base.replace("http", "ws") + "/", me.data.jwt]);
  await page.getByLabel("Show").selectOption("online");
  await page.getByText("1 in all").waitFor();
  await page.getByRole("link", { name: SHOWN }).click();
  await heading("Logins").waitFor();
  await page.getByRole("button", { name: /^End the login/ }).nth(1).waitFor();
  await seen("user");
  await page.getByRole("button", { name: /^End the login/ }).last().click();
  await button("End login").click();
  await other.evaluate(() => window.ended.then(() => true));
  await other.close();
  await until("one login", async () => (await page.getByRole("button", { name: /^End the login/ }).count()) === 1);
  await button("Deactivate…").click();
  await seen("deactivate");
  await button("Deactivate").click();
  await page.getByText("Nobody is logged in as this user.").waitFor();
  await seen("deactivated");
  assert.equal((await fetch(`${base}/v3/users/eve`, { headers: { apikey: key } })).status, 404);
  await button("Reactivate").click();
  await button("Deactivate…").waitFor();
  await rest("GET", "/users/eve");

  // Groups and members.
  await page.getByRole("link", { name: "First app" }).click();
  await tab("Groups");
  await page.getByRole("link", { name: SHOWN }).click();
  await page.getByRole("cell", { name: "Ann Example", exact: true }).waitFor();
  await page.getByText("2 in all").waitFor();
  await seen("group");
  const group = page.url();

  // What was looked for stands in the address.
  await page.goBack();
  await heading("Groups").waitFor();

  // A webhook: made with its secret seen once, told of a message, tested, failing and named, told once more.
  const told = [];
  let answers = 200;
  const receiver = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk) => (body += chunk));
    request.on("end", () => {
      told.push({ headers: request.headers, body: JSON.parse(body) });
      response.writeHead(answers).end(HOSTILE.replace("\u202e", ""));
    });
  });
  house.closing.push(() => receiver.close());
  await new Promise((listens) => receiver.listen(0, "127.0.0.1", listens));
  const address = `http://127.0.0.1:${receiver.address().port}/hook`;
  await tab("Webhooks");
  await page.getByText("Nobody outside is told").waitFor();
  await page.getByLabel("Id", { exact: true }).fill("crm");
  await page.getByLabel("Name", { exact: true }).fill(HOSTILE);
  await page.getByLabel("Address").fill("http://hooks.example/");
  await page.getByLabel("Try again for a day what fails").uncheck();
  assert.ok(await page.getByRole("group", { name: "Messages" }).getByLabel("message_sent").isChecked());
  await button("Create webhook").click();
  await page.getByText("The webhookURL must be").waitFor();
  assert.deepEqual(refusals.splice(0), ["400"]);
  await page.getByLabel("Address").fill(address);
  await page.getByRole("group", { name: "Groups" }).getByLabel("group_created").check();
  await seen("webhook-form");
  await button("Create webhook").click();
  await heading(`The secret of ${SHOWN}`).waitFor();
  assert.match(await page.locator(".secret code").textContent(), /^whsec_/);
  await seen("webhook-made");
  await page.getByRole("link", { name: SHOWN }).click();
  await page.getByText("Nothing has been told yet.").waitFor();
  await button("Send a test").click();
  await page.getByText("The test arrived: status 200").waitFor();
  assert.equal(told[0].body.trigger, "test");
  const say = async (text) => {
    const body = JSON.stringify({ receiver: "eve", receiverType: "user", type: "text", data: { text } });
    const sent = await fetch(`${base}/v3/messages`, { method: "POST", headers: { apikey: key, onBehalfOf: "ann" }, body });
    assert.equal(sent.status, 200);
  };
  await say("hello");
  await until("it is told", () => told.length === 2);
  answers = 500;
  await say("again");
  await until("it is told", () => told.length === 3);
  await until("it failed", async () => {
    await button("Refresh").click();
    return page.getByRole("cell", { name: "failed", exact: true }).isVisible();
  });
  await page.getByLabel("Show").selectOption("failed");
  await page.getByRole("cell", { name: "delivered", exact: true }).waitFor({ state: "detached" });
  await seen("webhook-log");
  await page.getByRole("link", { name: "First app" }).click();
  await heading("Webhooks that fail").waitFor();
  await seen("webhook-failing");
  await page.getByRole("link", { name: "Apps", exact: true }).first().click();
  await heading("This server").waitFor();
  await page.getByRole("link", { name: SHOWN }).click();
  await heading("Deliveries").waitFor();
  answers = 200;
  await page.getByRole("button", { name: /^Details of msg_/ }).first().click();
  await page.getByRole("dialog").getByText('"again"').waitFor();
  await seen("webhook-details");
  await page.getByRole("dialog").getByRole("button", { name: "Send again" }).click();
  await until("it is told once more", () => told.length === 4);
  assert.equal(told[3].headers["webhook-id"], told[2].headers["webhook-id"]);
  await button("Send all failed again").click();
  await page.getByText(/are sent once more/).waitFor();
  await button("New secret…").click();
  await button("Make a new secret").click();
  await heading("The new secret").waitFor();
  await button("Send a test").click();
  await until("the test", () => told.length === 5);
  assert.equal(told[4].headers["webhook-signature"].split(" ").length, 2, "both secrets sign");
  await page.getByLabel("group_created").uncheck();
  await button("Save triggers").click();
  await page.getByText("It is told of 1 trigger.").waitFor();
  await button("Switch off").click();
  await button("Switch on").waitFor();
  await seen("webhook");
  const webhook = page.url();

  // A new password ends other sessions and keeps this one.
  await page.getByRole("link", { name: "Account" }).click();
  await page.getByLabel("Current password").fill(PASSWORD);
  await page.getByLabel("New password").fill("battery staple");
  await page.getByLabel("The same again").fill("battery staple");
  await button("Change password").click();
  await page.getByText("The password is changed.").waitFor();
  await seen("account");
  await page.reload();
  await heading("Account").waitFor();

  // Dark, and as narrow as a phone.
  await page.emulateMedia({ colorScheme: "dark" });
  await page.getByRole("link", { name: "Apps", exact: true }).click();
  await heading("This server").waitFor();
  await seen("dark-overview");
  await page.getByRole("link", { name: "First app" }).click();
  await tab("Users");
  await page.getByText("32 in all").waitFor();
  await seen("dark-users");
  await page.setViewportSize({ width: 360, height: 740 });
  for (const [name, to, what] of [["overview", "#/", "This server"], ["app", null, "Connect a client"], ["keys", null, "API keys"], ["users", null, "Users"], ["group", group, "Members"], ["webhook", webhook, "Deliveries"]]) {
    if (to) await page.goto(new URL(to, `${base}/admin/`).href);
    else if (name === "app") await page.getByRole("link", { name: "First app" }).click();
    else await tab(name[0].toUpperCase() + name.slice(1));
    await heading(what).first().waitFor();
    await until("the list", async () => (await page.getByText("Loading…").count()) === 0);
    await seen("phone-" + name);
    await fits();
  }
  await page.emulateMedia({ colorScheme: "light" });
  await page.setViewportSize({ width: 1100, height: 800 });

  // By keyboard alone: every step of the focus can be seen, round the whole page.
  await page.goto(`${base}/admin/#/`);
  await heading("This server").waitFor();
  const visited = new Set();
  for (let step = 0; step < 12; step += 1) {
    await page.keyboard.press("Tab");
    // Between the last and the first the focus leaves the page.
    const [what, seen] = await page.evaluate(() => {
      const at = document.activeElement;
      return [at === document.body ? "" : at.textContent || at.name, getComputedStyle(at).outlineStyle !== "none"];
    });
    if (what) visited.add(what) && assert.ok(seen, `the focus cannot be seen on ${what}`);
  }
  for (const what of ["Skip to the content", "Account", "Log out", "First app", "name", "Create app"]) {
    assert.ok(visited.has(what), `no way to ${what} by keyboard`);
  }

  // Deleting an app asks for its name.
  await page.getByRole("link", { name: "Second app" }).click();
  await button("Delete app…").click();
  await page.getByLabel(/Type/).fill("First app");
  await button("Delete app").click();
  await page.getByText("This is not what is asked for.").waitFor();
  await seen("delete-app");
  await page.getByLabel(/Type/).fill("Second app");
  await button("Delete app").click();
  await heading("This server").waitFor();
  await page.getByRole("link", { name: "Second app" }).waitFor({ state: "detached" });
  const after = await fetch(`${base}/v3/users`, { headers: { apikey: values[3] } });
  assert.equal(after.status, 401);

  // A session that ended elsewhere leads to the door and back to where one was.
  await page.goto(group);
  await heading("Members").waitFor();
  assert.deepEqual(refusals.splice(0), []);
  const session = await page.evaluate(() => sessionStorage.getItem("hobnob-admin"));
  await fetch(`${base}/admin/api/logout`, { method: "POST", headers: { "X-Hobnob-Admin": session } });
  await page.getByLabel(/Search/).fill("a");
  await page.getByText("Your session is over. Please log in again.").waitFor();
  assert.deepEqual([...new Set(refusals.splice(0))], ["401"]);
  await page.getByLabel("Name").fill("root");
  await page.getByLabel("Password").fill("battery staple");
  await button("Log in").click();
  await heading("Members").waitFor();

  // A used link says so, next to its button.
  await page.goto(link);
  await page.getByLabel("Name").fill("second");
  await page.getByLabel("Password").fill(PASSWORD);
  await page.getByLabel("The same again").fill(PASSWORD);
  await button("Become admin").click();
  await page.getByText("This set-up link has been used, is over, or was never made.").waitFor();
  assert.deepEqual(refusals.splice(0), ["403"]);
}, { logIn: false });
