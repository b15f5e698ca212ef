// Groups: each type made, changed, filled, members raised, kicked, banned and let in again, handed over, deleted; the effect
// is read back over REST.

import assert from "node:assert/strict";
import { HOSTILE, SHOWN, run } from "./house.mjs";

run("groups", async (house) => {
  const { accessible, asked, button, dialog, everywhere, go, heading, page, refused, rest, shot } = house;
  for (const uid of ["ann", "bob"]) await rest("POST", "/users", { uid, name: `${uid} Example` });
  await rest("POST", "/users", { uid: "eve", name: HOSTILE });
  const groups = `#/app/${house.app}/groups`;
  const member = async (uid, guid = "team") => (await rest("GET", `/groups/${guid}/members`)).find((one) => one.uid === uid)?.scope;

  // Each type.
  for (const type of ["public", "password", "private"]) {
    await go(groups);
    await button("New group…").click();
    await dialog().getByLabel("guid").fill(type === "private" ? "team" : type);
    await dialog().getByLabel("Name").fill(type === "private" ? HOSTILE : type);
    await dialog().getByLabel("Type").selectOption(type);
    if (type === "password") {
      await button("Create group").click();
      await dialog().getByRole("alert").filter({ hasText: /password/ }).waitFor();
      refused("400");
      await dialog().getByLabel("Password").fill("sesame");
    }
    if (type === "private") {
      await dialog().getByLabel("Description").fill(HOSTILE);
      await dialog().getByLabel("Owner (uid)").fill("ann");
      await accessible();
      await shot("new");
    }
    await button("Create group").click();
    await heading("Members").waitFor();
  }
  assert.deepEqual((await rest("GET", "/groups")).map((one) => one.type).sort(), ["password", "private", "public"]);
  assert.equal((await rest("GET", "/groups/team")).owner, "ann");
  await rest("POST", "/groups/password/members", { password: "sesame" }, "bob");

  // Changed.
  await page.getByRole("heading", { level: 1, name: SHOWN }).waitFor();
  await button("Edit…").click();
  await dialog().getByLabel("Name").fill("Crew");
  await dialog().getByLabel("Description").fill("");
  await dialog().getByLabel("Tags").fill("one, two");
  await dialog().getByLabel("Metadata").fill('{"floor": 3}');
  await button("Save").click();
  await page.getByRole("heading", { level: 1, name: "Crew" }).waitFor();
  const changed = (await rest("GET", "/groups?withTags=true")).find((one) => one.guid === "team");
  assert.deepEqual([changed.name, changed.description ?? "", changed.tags, changed.metadata], ["Crew", "", ["one", "two"], { floor: 3 }]);

  // Members.
  const members = page.locator(".card", { has: heading("Members") });
  const add = async (uid, scope) => {
    await members.getByLabel("User (uid)").fill(uid);
    await members.getByLabel("Scope", { exact: true }).selectOption(scope);
    await button("Add").click();
  };
  await add("eve", "participant");
  await members.getByRole("link", { name: SHOWN }).waitFor();
  await add("bob", "moderator");
  await members.getByRole("link", { name: "bob Example" }).waitFor();
  assert.deepEqual([await member("eve"), await member("bob")], ["participant", "moderator"]);
  await add("nobody", "admin");
  await members.getByText("The uid nobody does not exist.").waitFor();
  await button("Scope of bob Example").click();
  await dialog().getByLabel("Scope").selectOption("admin");
  await button("Change scope").click();
  await members.getByRole("row", { name: /bob Example.*admin/ }).waitFor();
  assert.equal(await member("bob"), "admin");
  await page.getByRole("definition").filter({ hasText: /^3$/ }).waitFor();
  await everywhere("group");

  await button(`Ban ${SHOWN}`).click();
  await dialog().getByText("cannot come back").waitFor();
  await shot("ban");
  await button("Ban").click();
  const banned = page.locator(".card", { has: heading("Banned") });
  await banned.getByRole("link", { name: SHOWN }).waitFor();
  assert.deepEqual([await member("eve"), (await rest("GET", "/groups/team/bannedusers")).map((one) => one.uid)], [undefined, ["eve"]]);
  await button(`Unban ${SHOWN}`).focus();
  await page.keyboard.press("Enter");
  await banned.getByText("Nobody is banned.").waitFor();
  await button("New owner…").click();
  await dialog().getByLabel("New owner (uid)").fill("bob");
  await button("Hand it over").click();
  await page.getByRole("row", { name: /bob Example.*owner/ }).waitFor();
  assert.equal((await rest("GET", "/groups/team")).owner, "bob");
  await button("Kick ann Example").click();
  await button("Kick").click();
  await members.getByRole("link", { name: "ann Example" }).waitFor({ state: "detached" });
  assert.equal(await member("ann"), undefined);

  // The end.
  await button("Delete…").click();
  await dialog().getByLabel("Type team to confirm").fill("team");
  await button("Delete group").click();
  await heading("Groups").waitFor();
  assert.equal((await asked("GET", "/groups/team")).status, 404);
  await everywhere("groups");
});
