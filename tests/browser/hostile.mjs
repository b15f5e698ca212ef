// Every screen with names and texts of strangers that are as bad as they can be: 10,000 characters without a break, writing
// from right to left that turns the rest round, markup. Nothing sticks out, nothing runs, axe finds nothing.

import assert from "node:assert/strict";
import { HOSTILE, PASSWORD, run, until } from "./house.mjs";

const WIDE = "W".repeat(10_000);
const RTL = ("\u202e\u2067" + "שלום עולם ".repeat(1_000)).slice(0, 10_000).trim();
const NAMES = [WIDE, RTL, HOSTILE];
const PNG = Buffer.from("iVBORw0KGgoAAAANSUhEUgAAAAgAAAAICAIAAABLbSncAAAAE0lEQVR4nGNgaLBHRgxUFGiwBwA7iwwBmvAtqwAAAABJRU5ErkJggg==", "base64");

run("hostile", async (house) => {
  const { accessible, base, fits, key, page, rest, shot } = house;
  const secret = await page.evaluate(() => sessionStorage.getItem("hobnob-admin"));
  const ask = async (method, path, body, session = secret) => {
    const headers = { ...(session && { "X-Hobnob-Admin": session }) };
    const reply = await (await fetch(`${base}/admin/api/${path}`, { method, headers, body: body instanceof FormData ? body : body && JSON.stringify(body) })).json();
    assert.ok(!reply.error, `${method} ${path}: ${JSON.stringify(reply.error)?.slice(0, 300)}`);
    return reply.data;
  };
  const app = `apps/${house.app}`;
  for (const [at, name] of NAMES.entries()) {
    const [uid, guid] = [`user${at}`, `group${at}`];
    await rest("POST", "/users", { uid, name, statusMessage: name, link: `https://evil.example/${"a".repeat(2000)}`, metadata: { [name]: name }, tags: [name.slice(0, 100), `tag${at}`] });
    await ask("POST", "apps", { name });
    await ask("POST", `${app}/bots`, { uid: `bot${at}`, name });
    await ask("POST", `${app}/keys`, { name, scope: "authOnly" });
    await ask("POST", "management-keys", { name });
    await ask("POST", `${app}/webhooks`, { id: `hook${at}`, name: name.slice(0, 50), webhookURL: `https://hooks.example/${"a".repeat(200)}`, enabled: false });
    await rest("POST", "/roles", { role: `role${at}`, name, description: name });
    await rest("POST", "/moderation/reasons", { id: `reason${at}`, name: name.slice(0, 9_000) });
    await rest("POST", "/moderation/keywords", { id: `list${at}`, name: name.slice(0, 100), description: name.slice(0, 200), category: "word", searchTerms: name.slice(0, 90) });
    const { link } = await ask("POST", "admins", { role: "viewer" });
    await ask("POST", "setup", { link, name, password: PASSWORD }, "");
    const form = new FormData();
    for (const [field, value] of Object.entries({ name, set: name })) form.append(field, value);
    form.append("file", new Blob([PNG], { type: "image/png" }), `${"n".repeat(200)}.png`);
    await ask("POST", `${app}/stickers`, form);
  }
  for (const [at, name] of NAMES.entries()) {
    await rest("POST", "/groups", { guid: `group${at}`, name, description: name, type: "public", owner: "user0", metadata: { [name]: name }, members: { participants: ["user1", "user2", "bot0"] } });
    await rest("POST", `/users/user${at}/friends`, { accepted: [`user${(at + 1) % 3}`] });
    await rest("POST", `/users/user${at}/blockedusers`, { blockedUids: [`bot${at}`] });
    await rest("POST", `/users/user${at}/auth_tokens`, {});
  }
  await rest("POST", "/groups/group0/bannedusers/bot1", {});
  let flagged;
  for (const [at, name] of NAMES.entries()) {
    const to = { receiver: "group0", receiverType: "group" };
    const said = await rest("POST", "/messages", { ...to, type: "text", data: { text: name, metadata: { [name]: name } } }, `user${at}`);
    flagged = said.id;
    await rest("POST", "/messages", { ...to, type: "text", quotedMessageId: said.id, data: { text: name } }, "user1");
    await rest("POST", `/messages/${said.id}/thread`, { ...to, type: "text", data: { text: name } }, "user2");
    await rest("POST", `/messages/${said.id}/flagged`, { reasonId: `reason${at}`, remark: name.slice(0, 90) }, `user${(at + 1) % 3}`);
    await rest("POST", "/messages", { ...to, category: "custom", type: "odd", data: { customData: { [name]: name } } }, "user0");
    await rest("POST", "/messages", { ...to, category: "interactive", type: "card", data: { interactiveData: { text: name, cardActions: [{ elementType: "button", elementId: "b", buttonText: name, action: { actionType: "urlNavigation", url: "https://evil.example" } }] } } }, "user0");
    await rest("POST", "/messages", { ...to, type: "image", data: { text: name, attachments: [{ url: "https://evil.example/far.png", name, mimeType: "image/png", extension: "png", size: 12 }] } }, "user0");
    await rest("POST", "/extensions/polls/create", { ...to, question: name.slice(0, 900), options: [name.slice(0, 900), "No"] }, "user0");
    await rest("POST", "/messages", { receiver: `user${(at + 1) % 3}`, receiverType: "user", type: "text", data: { text: name } }, `user${at}`);
  }
  const form = new FormData();
  for (const [field, value] of Object.entries({ receiver: "group0", receiverType: "group", category: "message", type: "image" })) form.append(field, value);
  form.append("files", new Blob([PNG], { type: "image/png" }), "cat.png");
  assert.equal((await fetch(`${base}/v3/messages`, { method: "POST", headers: { apikey: key, onBehalfOf: "user0" }, body: form })).status, 200);
  await rest("PATCH", `/moderation/flagged-messages/${flagged}`, { status: "approved" });
  const thread = (await rest("GET", "/groups/group0/messages?limit=100")).find((one) => one.replyCount).id;
  for (const [at, name] of NAMES.entries()) {
    const condition = { operand: "text", category: "word", operator: "contains", isKeywordReferencePresent: true, value: `list${at}` };
    await rest("POST", "/moderation/rules", { id: `rule${at}`, name: name.slice(0, 100), description: name.slice(0, 200), enabled: true, conditions: [condition] });
  }

  const here = `app/${house.app}`;
  const SCREENS = ["", "figures", "health", "log", "admins", "management", "audit", "account", here, `${here}/users`, ...NAMES.map((_, at) => `${here}/users/user${at}`),
    `${here}/groups`, ...NAMES.map((_, at) => `${here}/groups/group${at}`), `${here}/conversations`, `${here}/conversations/id/group_group0`, `${here}/conversations/thread/${thread}`,
    ...["flagged", "blocked", "reviewed", "rules", "lists", "lists/list0", "reasons"].map((part) => `${here}/moderation/${part}`), `${here}/webhooks`, `${here}/webhooks/hook0`, `${here}/webhooks/hook1`,
    `${here}/keys`, ...["general", "limits", "roles", "roles/role0", "roles/role1", "bots", "extensions"].map((part) => `${here}/settings/${part}`)];
  await page.goto("about:blank");
  for (const screen of SCREENS) {
    await page.goto(`${base}/admin/#/${screen}`);
    await page.locator("h1").waitFor();
    await until("all of it is there", async () => (await page.getByText("Loading…").count()) === 0 && (await page.locator('[aria-busy="true"]').count()) === 0);
    assert.equal(await page.getByRole("heading", { name: /did not work|Nothing here/ }).count(), 0, screen);
    await fits();
    await accessible();
    const named = screen.replace(house.app, "app").replaceAll("/", "-") || "apps";
    await shot(named);
    // About as high as a screen, however long a name is: who comes after it is found.
    const high = await page.evaluate(() => Math.max(0, ...[...document.querySelectorAll("h1, h2, .crumbs, td, dd, figcaption, li bdi, .head, legend")].map((one) => one.getBoundingClientRect().height)));
    assert.ok(high <= 900, `${screen}: something is ${high} px high`);
    await page.setViewportSize({ width: 360, height: 740 });
    await fits();
    await accessible();
    await shot(`${named}-phone`);
    await page.setViewportSize({ width: 1100, height: 800 });
    await page.goto("about:blank");
  }
}, { settings: ["--limit", "name=20000,description=20000,muid=255,metadata=100000"] });
