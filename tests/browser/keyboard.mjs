// Each screen's main action with the keyboard alone: no pointer is moved, nothing is focused but by Tab, and the effect is read
// back over REST. The focus can be seen at each step.

import assert from "node:assert/strict";
import { PASSWORD, run, until } from "./house.mjs";

run("keyboard", async (house) => {
  const { base, button, dialog, go, heading, link, page, rest } = house;
  const keys = page.keyboard;
  /** Goes on by Tab until it has the focus. */
  const reach = async (target) => {
    await target.first().waitFor();
    for (let steps = 0; steps < 300; steps += 1) {
      const [here, seen] = await target.first().evaluate((one) => [one === document.activeElement, getComputedStyle(document.activeElement).outlineStyle !== "none"]);
      if (here) return assert.ok(seen, `the focus on ${target} cannot be seen`);
      await keys.press("Tab");
    }
    throw new Error(`no way to ${target} by keyboard at ${page.url()}`);
  };
  const press = async (name) => {
    await reach(typeof name === "string" ? button(name) : name);
    await keys.press("Enter");
  };
  const write = async (label, text, within = page) => {
    await reach(within.getByLabel(label, { exact: true }));
    await keys.press("ControlOrMeta+A");
    await keys.type(text);
  };
  /** A choice is made by typing what it begins with. */
  const choose = async (label, text, within = page) => {
    await reach(within.getByLabel(label, { exact: true }));
    await keys.type(text);
  };
  const secret = () => page.evaluate(() => sessionStorage.getItem("hobnob-admin"));
  const admin = async (path) => (await (await fetch(`${base}/admin/api/${path}`, { headers: { "X-Hobnob-Admin": await secret() } })).json()).data;

  // In.
  await page.goto(link);
  await write("Name", "root");
  await write("Password", PASSWORD);
  await write("The same again", PASSWORD);
  await keys.press("Enter");
  await heading("This server").waitFor();
  await press("Log out");
  await page.getByText("You have logged out.").waitFor();
  await write("Name", "root");
  await write("Password", PASSWORD);
  await keys.press("Enter");
  await heading("This server").waitFor();

  // Apps.
  await write("Name", "Second");
  await keys.press("Enter");
  await heading("The keys of Second").waitFor();
  assert.deepEqual((await admin("overview")).apps.map((one) => one.name), ["First app", "Second"]);
  house.app = (await admin("overview")).apps[0].id;
  const app = `apps/${house.app}`;
  const part = (...names) => go(`#/app/${[house.app, ...names].join("/")}`);
  await press(page.getByRole("link", { name: "First app" }));
  await heading("Connect a client").waitFor();
  await press("Copy the app id");
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), house.app);

  // Users.
  await press(page.getByRole("navigation", { name: "Parts of the app" }).getByRole("link", { name: "Users" }));
  await press("New user…");
  await write("uid", "ann", dialog());
  await write("Name", "Ann", dialog());
  await keys.press("Enter");
  await heading("Friends").waitFor();
  assert.equal((await rest("GET", "/users/ann")).name, "Ann");
  await press("Edit…");
  await write("Name", "Anna", dialog());
  await keys.press("Enter");
  await page.getByRole("heading", { level: 1, name: "Anna" }).waitFor();
  assert.equal((await rest("GET", "/users/ann")).name, "Anna");
  for (const uid of ["bob", "cat"]) await rest("POST", "/users", { uid, name: uid });

  // Groups.
  await part("groups");
  await press("New group…");
  await write("guid", "team", dialog());
  await write("Name", "Team", dialog());
  await write("Owner (uid)", "ann", dialog());
  await keys.press("Enter");
  await heading("Members").waitFor();
  await write("User (uid)", "bob");
  await press("Add");
  await page.getByRole("link", { name: "bob", exact: true }).waitFor();
  assert.deepEqual((await rest("GET", "/groups/team/members")).map((one) => one.uid).sort(), ["ann", "bob"]);

  // A conversation.
  await rest("POST", "/messages", { receiver: "team", receiverType: "group", type: "text", data: { text: "hello" } }, "bob");
  await part("conversations");
  await press(page.getByRole("link", { name: "Team", exact: true }));
  await heading("Team").waitFor();
  await write("As (uid)", "ann");
  await write("Text", "with ten fingers");
  await press("Send");
  await page.getByText("with ten fingers").last().waitFor();
  await until("it is sent", async () => (await rest("GET", "/groups/team/messages")).some((one) => one.data?.text === "with ten fingers" && one.sender === "ann"));

  // Moderation.
  const [first] = (await rest("GET", "/groups/team/messages")).filter((one) => one.data?.text === "hello");
  await rest("POST", `/messages/${first.id}/flagged`, { reasonId: "spam" }, "ann");
  await part("moderation", "flagged");
  await press(`Approve: message ${first.id}`);
  await page.getByText("It stays.").waitFor();
  assert.equal((await rest("GET", "/moderation/flagged-messages")).length, 0);
  await part("moderation", "reasons");
  await write("Id", "rude");
  await write("Name", "Rude");
  await keys.press("Enter");
  await page.getByRole("cell", { name: "Rude", exact: true }).waitFor();
  assert.equal((await rest("GET", "/moderation/reasons/rude")).name, "Rude");
  await part("moderation", "lists");
  await press("New list…");
  await write("Id", "fruits", dialog());
  await write("Name", "Fruits", dialog());
  await write("Entries", "durian", dialog());
  await press("Create list");
  await page.getByRole("cell", { name: "Fruits", exact: true }).waitFor();
  await part("moderation", "rules");
  await press(page.getByRole("button", { name: /^New rule/ }).or(page.getByRole("link", { name: /^New rule/ })));
  await write("Id", "no-fruit");
  await write("Name", "No fruit");
  await choose("By", "Patterns");
  await reach(page.getByLabel("Patterns, one a line"));
  await keys.type("durian");
  await press("Create rule");
  await until("the rule is there", async () => (await rest("GET", "/moderation/rules")).some((one) => one.id === "no-fruit"));

  // Webhooks.
  await part("webhooks");
  await write("Id", "crm");
  await write("Name", "CRM");
  await write("Address", "https://hooks.example/hook");
  await press("Create webhook");
  await heading("The secret of CRM").waitFor();
  assert.deepEqual((await admin(`${app}/webhooks`)).map((one) => one.id), ["crm"]);
  await part("webhooks", "crm");
  await press("Switch off");
  await button("Switch on").waitFor();
  assert.equal((await admin(`${app}/webhooks/crm`)).enabled, false);

  // Keys.
  await part("keys");
  await write("Name", "Third");
  await keys.press("Enter");
  await heading("The new key Third").waitFor();
  assert.equal((await admin(`${app}/keys`)).length, 3);

  // Settings.
  await part("settings", "general");
  await write("Groups", "90");
  await keys.press("Enter");
  await dialog().waitFor();
  await press("Keep them shorter");
  await page.getByText("It is saved.").waitFor();
  assert.equal((await admin(`${app}/retention`)).group, 90);
  await part("settings", "limits");
  await write("Bots of an app", "3");
  await keys.press("Enter");
  await page.getByText("It is saved, and holds at once.").waitFor();
  assert.equal((await admin(`${app}/limits`)).find((one) => one.name === "bots").own, 3);
  await part("settings", "roles");
  await write("Role", "guest");
  await write("Name", "Guest");
  await press("Create role");
  await heading("Role Guest").waitFor();
  await reach(page.getByLabel("Send messages", { exact: true }));
  await keys.press("End");
  await press("Save permissions");
  await page.getByText("It is saved.").waitFor();
  assert.ok((await rest("GET", "/roles/guest/permissions")).some((one) => one.id === "sendMessage" && one.value != null));
  await part("settings", "bots");
  await write("User (uid)", "helper");
  await press("Make a bot");
  await page.getByRole("link", { name: "helper" }).waitFor();
  assert.deepEqual((await admin(`${app}/bots`)).map((one) => one.uid), ["helper"]);
  await part("settings", "extensions");
  await press("Switch off Polls");
  await button("Switch on Polls").waitFor();
  assert.equal((await admin(`${app}/extensions`)).find((one) => one.id === "polls").enabled, false);

  // The server.
  await go("#/figures");
  await press(page.getByRole("navigation", { name: "Spans" }).getByRole("link", { name: "Month" }));
  await page.locator('[aria-current="page"]', { hasText: "Month" }).waitFor();
  await go("#/health");
  await press("Make a backup now");
  await dialog().waitFor();
  await press("Close");
  assert.equal((await admin("backups")).length, 1);
  await go("#/log");
  await reach(page.getByLabel("Hold"));
  await keys.press("Space");
  assert.ok(await page.getByLabel("Hold").isChecked());
  await go("#/admins");
  await choose("Role", "Viewer");
  await press("Make a link");
  await heading("A link for one more admin").waitFor();
  await press("Withdraw the link for one more viewer");
  await page.getByText("Nobody was let in who has not come yet.").waitFor();
  assert.deepEqual(await admin("invitations"), []);
  await go("#/management");
  await write("Name", "Billing");
  await keys.press("Enter");
  await heading("The key Billing").waitFor();
  assert.deepEqual((await admin("management-keys")).map((one) => one.name), ["Billing"]);
  await go("#/audit");
  await choose("App", "First");
  await page.getByRole("cell", { name: "management-key.create" }).waitFor({ state: "detached" });
  await page.getByRole("cell", { name: "limits.set" }).first().waitFor();
  await go("#/account");
  await write("Current password", PASSWORD);
  await write("New password", "battery staple");
  await write("The same again", "battery staple");
  await keys.press("Enter");
  await page.getByText("The password is changed.").waitFor();
  const again = await fetch(`${base}/admin/api/login`, { method: "POST", body: JSON.stringify({ name: "root", password: "battery staple" }) });
  assert.equal(again.status, 200);
}, { logIn: false });
