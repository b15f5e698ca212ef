// Settings of an app: retention, roles with permissions and features, extensions and stickers; the effect is read back over REST.

import assert from "node:assert/strict";
import { HOSTILE, SHOWN, run } from "./house.mjs";

const PNG = Buffer.from("iVBORw0KGgoAAAANSUhEUgAAAAgAAAAICAIAAABLbSncAAAAE0lEQVR4nGNgaLBHRgxUFGiwBwA7iwwBmvAtqwAAAABJRU5ErkJggg==", "base64");

run("settings", async (house) => {
  const { accessible, asked, base, button, dialog, everywhere, go, heading, page, rest, shot } = house;
  const place = (...names) => `#/app/${house.app}/settings/${names.join("/")}`;
  const admin = async (path) => {
    const secret = await page.evaluate(() => sessionStorage.getItem("hobnob-admin"));
    return (await (await fetch(`${base}/admin/api/apps/${house.app}${path && "/" + path}`, { headers: { "X-Hobnob-Admin": secret } })).json()).data;
  };

  // Retention: a shorter time is asked about, giving up changes nothing.
  await go(place("general"));
  await page.getByLabel("Groups", { exact: true }).fill("90");
  await button("Save").click();
  await dialog().getByText("removed for good").waitFor();
  await page.keyboard.press("Escape");
  assert.deepEqual(await admin("retention"), { user: null, group: null });
  await button("Save").click();
  await button("Keep them shorter").click();
  await page.getByText("It is saved.").waitFor();
  assert.deepEqual(await admin("retention"), { user: null, group: 90 });
  await page.getByLabel("Groups", { exact: true }).fill("");
  await button("Save").click();
  await page.getByText("It is saved.").waitFor();
  assert.deepEqual(await admin("retention"), { user: null, group: null });
  await everywhere("general");

  // Another name.
  await page.getByLabel("Name of the app").fill(HOSTILE);
  await button("Rename").click();
  await page.getByRole("heading", { level: 1, name: SHOWN }).waitFor();
  assert.equal((await admin("")).name, HOSTILE);
  await page.getByLabel("Name of the app").fill("First app");
  await button("Rename").click();
  await page.getByRole("heading", { level: 1, name: "First app" }).waitFor();

  // Limits: a number of its own holds at once, and without one the server's.
  await go(place("limits"));
  await page.getByLabel("Characters of a message's text").fill("5");
  await page.getByLabel("Roles of an app").fill("1");
  await button("Save limits").click();
  await page.getByText("It is saved, and holds at once.").waitFor();
  const own = async () => Object.fromEntries((await admin("limits")).filter((one) => one.own != null).map((one) => [one.name, one.own]));
  assert.deepEqual(await own(), { text: 5, roles: 1 });
  for (const uid of ["lim", "bob"]) await rest("POST", "/users", { uid, name: uid });
  const say = (text) => asked("POST", "/messages", { receiver: "bob", receiverType: "user", type: "text", data: { text } }, "lim");
  assert.deepEqual([(await say("hello")).status, (await say("hello!")).status], [200, 400]);
  await page.getByLabel("API keys of an app").fill("1");
  assert.equal(await page.getByLabel("API keys of an app").evaluate((field) => field.validity.rangeUnderflow), true, "fewer keys than an app needs");
  await page.getByLabel("API keys of an app").fill("");
  await everywhere("limits");
  await page.reload();
  await page.getByLabel("Characters of a message's text").fill("");
  await page.getByLabel("Roles of an app").fill("");
  await page.keyboard.press("Enter");
  await page.getByText("It is saved, and holds at once.").waitFor();
  assert.deepEqual(await own(), {});
  assert.equal((await say("hello!")).status, 200);

  // A bot, made and retired.
  await go(place("bots"));
  await page.getByLabel("User (uid)").fill("helper");
  await page.getByLabel("Name", { exact: true }).fill(HOSTILE);
  await button("Make a bot").click();
  await page.getByRole("link", { name: SHOWN }).waitFor();
  await rest("POST", "/users", { uid: "ann", name: "Ann Example" });
  await rest("POST", "/bots/helper/messages", { receiver: "ann", receiverType: "user", type: "text", data: { text: "hello" } });
  await everywhere("bots");
  await button(`Retire ${SHOWN}`).click();
  await button("Retire bot").click();
  await page.getByText("There is no bot.").waitFor();
  assert.deepEqual(await admin("bots"), []);

  // A role, what it may do, and what is off for it.
  await go(place("roles"));
  await page.getByLabel("Role", { exact: true }).fill("guest");
  await page.getByLabel("Name", { exact: true }).fill(HOSTILE);
  await accessible();
  await shot("roles");
  await button("Create role").click();
  await heading(`Role ${SHOWN}`).waitFor();
  await page.getByLabel("Send messages", { exact: true }).selectOption("deny");
  const kinds = page.getByRole("group").filter({ has: page.getByLabel("password", { exact: true }) }).first();
  await kinds.getByLabel("public", { exact: true }).check();
  await button("Save permissions").click();
  await page.getByText("It is saved.").waitFor();
  const permitted = async () => Object.fromEntries((await rest("GET", "/roles/guest/permissions")).filter((one) => one.value != null).map((one) => [one.id, one.value]));
  const now = await permitted();
  assert.equal(now.sendMessage, "deny");
  assert.deepEqual(Object.values(now).filter(Array.isArray), [["public"]]);
  await page.getByLabel("Send messages", { exact: true }).selectOption("allow");
  await button("Save permissions").click();
  await page.getByText("It is saved.").waitFor();
  assert.equal((await permitted()).sendMessage, undefined, "as usual is put back to the default");
  // Every feature the page knows is one of the server's.
  const boxes = page.locator('input[name^="off:"]');
  const many = await boxes.count();
  for (let at = 0; at < many; at += 1) await boxes.nth(at).check();
  await button("Save features").click();
  await page.getByText(`${many} features are off.`).waitFor();
  assert.equal((await rest("GET", "/roles/guest/restrictedfeatures")).length, many);
  for (let at = 1; at < many; at += 1) await boxes.nth(at).uncheck();
  await button("Save features").click();
  await page.getByText("1 feature is off.").waitFor();
  assert.deepEqual((await rest("GET", "/roles/guest/restrictedfeatures")).map((one) => one.key), ["u.addMember"]);
  await everywhere("role");
  await button("Edit…").click();
  await dialog().getByLabel("Description").fill("Who only looks");
  await button("Save").click();
  await page.getByText("Who only looks").waitFor();
  await go(place("roles"));
  await heading("Roles").waitFor();
  await button(`Delete ${SHOWN}`).click();
  await button("Delete role").click();
  await page.getByRole("link", { name: SHOWN }).waitFor({ state: "detached" });
  assert.equal((await asked("GET", "/roles/guest")).status, 404);

  // Extensions and stickers.
  await go(place("extensions"));
  await button("Switch off Polls").click();
  await button("Switch on Polls").waitFor();
  assert.equal((await admin("extensions")).find((one) => one.id === "polls").enabled, false);
  await page.getByLabel("Name", { exact: true }).fill(HOSTILE);
  await page.getByLabel("Set", { exact: true }).fill("Mine");
  await page.getByLabel("Picture").setInputFiles({ name: "wave.png", mimeType: "image/png", buffer: PNG });
  await button("Add sticker").click();
  await page.getByRole("cell", { name: SHOWN, exact: true }).waitFor();
  assert.deepEqual((await admin("stickers")).map((one) => one.stickerName), [HOSTILE]);
  await everywhere("extensions");
  await button(`Delete ${SHOWN}`).click();
  await button("Delete sticker").click();
  await page.getByText("It has none of its own.").waitFor();
  assert.deepEqual(await admin("stickers"), []);
});
