// Users: made, changed, befriended, blocked, taken leave of in each of the four ways; the effect is read back over REST.

import assert from "node:assert/strict";
import { HOSTILE, SHOWN, run, until } from "./house.mjs";

const LONG = "x".repeat(90);

run("users", async (house) => {
  const { accessible, asked, button, dialog, everywhere, go, heading, page, refused, rest, shot, tab } = house;
  for (const uid of ["ann", "bob", "cat", "dan", "eli"]) await rest("POST", "/users", { uid, name: `${uid} Example` });
  await rest("POST", "/messages", { receiver: "bob", receiverType: "user", type: "text", data: { text: "hello" } }, "cat");
  const users = `#/app/${house.app}/users`;
  await go(users);

  // Made with a hostile name, metadata that is checked, and tags.
  await button("New user…").click();
  await dialog().getByLabel("uid").fill("eve");
  await dialog().getByLabel("Name").fill(HOSTILE);
  await dialog().getByLabel("Tags").fill("vip, beta");
  await dialog().getByLabel("Avatar (address)").fill("https://evil.example/a.png");
  await dialog().getByLabel("Metadata").fill("{ not json");
  await dialog().getByRole("button", { name: "Create user" }).click();
  await dialog().getByText(/The metadata is not JSON/).waitFor();
  await dialog().getByLabel("Metadata").fill("[1]");
  await dialog().getByRole("button", { name: "Create user" }).click();
  await dialog().getByText("The metadata must be an object: { … }").waitFor();
  await dialog().getByLabel("Metadata").fill('{"note": "</pre><script>alert(1)</script>"}');
  await accessible();
  await shot("new");
  await dialog().getByRole("button", { name: "Create user" }).click();
  await page.getByRole("heading", { level: 1, name: SHOWN }).waitFor();
  const made = (await rest("GET", "/users?uids=eve&withTags=true"))[0];
  assert.deepEqual([made.name, made.tags, made.metadata.note, made.avatar], [HOSTILE, ["vip", "beta"], "</pre><script>alert(1)</script>", "https://evil.example/a.png"]);
  assert.equal(await page.locator("main img").count(), 0, "nothing is loaded from elsewhere");

  // A uid that is taken is refused inside the dialog.
  await go(users);
  await button("New user…").click();
  await dialog().getByLabel("uid").fill("ann");
  await dialog().getByLabel("Name").fill("Another");
  await dialog().getByRole("button", { name: "Create user" }).click();
  await dialog().getByRole("alert").filter({ hasText: /already/ }).waitFor();
  refused("400");
  await page.keyboard.press("Escape");

  // Changed, with the keyboard alone.
  await go(`${users}/eve`);
  await button("Edit…").focus();
  await page.keyboard.press("Enter");
  await dialog().getByLabel("Name").waitFor();
  await dialog().getByLabel("Name").fill(LONG);
  await dialog().getByLabel("Tags").fill("");
  await dialog().getByLabel("Avatar (address)").fill("");
  await dialog().getByLabel("Metadata").fill("");
  await shot("edit");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { level: 1, name: LONG }).waitFor();
  const changed = (await rest("GET", "/users?uids=eve&withTags=true"))[0];
  assert.deepEqual([changed.name, changed.tags ?? [], changed.metadata, changed.avatar], [LONG, [], undefined, undefined]);
  await rest("PUT", "/users/eve", { name: HOSTILE });

  // Friends and blocks, found while one types.
  const friends = page.locator(".card", { has: heading("Friends") });
  await friends.getByLabel("User (uid)").fill("an");
  await until("a proposal", () => friends.locator("option[value=ann]").count());
  await friends.getByLabel("User (uid)").fill("ann");
  await button("Add friend").click();
  await friends.getByRole("link", { name: "ann Example" }).waitFor();
  assert.deepEqual((await rest("GET", "/users/eve/friends")).map((one) => one.uid), ["ann"]);
  await friends.getByLabel("User (uid)").fill("nobody");
  await button("Add friend").click();
  await friends.getByText("The uid nobody does not exist.").waitFor();
  await friends.getByLabel("User (uid)").fill("");
  await button("Remove ann Example").click();
  await friends.getByText("No friends.").waitFor();
  const blocked = page.locator(".card", { has: heading("Blocked") });
  await blocked.getByLabel("User (uid)").fill("bob");
  await button("Block user").click();
  await blocked.getByRole("link", { name: "bob Example" }).waitFor();
  assert.deepEqual((await rest("GET", "/users/eve/blockedusers?direction=blockedByMe")).map((one) => one.uid), ["bob"]);
  await everywhere("user");
  await button("Unblock bob Example").click();
  await blocked.getByText("They block nobody.").waitFor();

  // Four ways of going, counted first.
  const leave = async (uid, kind, does) => {
    await go(`${users}/${uid}`);
    await button("Delete…").click();
    await dialog().getByLabel("How").selectOption(kind);
    await button("Count what it would touch").click();
    await does?.();
    await dialog().getByLabel(`Type ${uid} to confirm`).fill("wrong");
    await button("Delete user").click();
    await dialog().getByText("This is not what is asked for.").waitFor();
    assert.equal((await asked("GET", `/users/${uid}`)).status, 200, "nothing is done yet");
    await dialog().getByLabel(`Type ${uid} to confirm`).fill(uid);
    await button("Delete user").click();
    await heading("Users").waitFor();
    assert.equal((await asked("GET", `/users/${uid}`)).status, 404);
  };
  await leave("ann", "soft");
  await leave("dan", "anonymise");
  await leave("cat", "erase", async () => {
    await dialog().getByRole("row", { name: "Messages 1", exact: true }).waitFor();
    await accessible();
    await shot("erase");
  });
  await until("nothing of cat is left", async () => (await rest("GET", "/messages?limit=50")).every((one) => one.sender !== "cat"));
  await go(`${users}/eli`);
  await button("Deactivate…").click();
  await button("Deactivate").click();
  await button("Reactivate").waitFor();
  assert.equal((await asked("GET", "/users/eli")).status, 404);

  await tab("Users");
  await page.getByRole("cell", { name: SHOWN }).waitFor();
  await everywhere("users");

  // Twenty thousand: how long it takes is told, not judged.
  await importUsers(house, 20_000);
  const took = async (what, act, done) => {
    const begun = Date.now();
    await act();
    await done();
    console.log(`users: ${what}: ${Date.now() - begun} ms`);
  };
  await go("#/");
  await heading("Apps").waitFor();
  await took("open the list of 20,000", () => go(users), () => page.getByText(/^20,0\d\d in all/).waitFor());
  await took("search among 20,000", () => page.getByLabel(/Search/).fill("Person 1999"), () => page.getByText(/^11 in all/).waitFor());
  await page.getByLabel(/Search/).fill("");
  await page.getByText(/^20,0\d\d in all/).waitFor();
  await took("turn a page", () => button("Next").click(), () => page.getByText(/^Page 2 of/).waitFor());
});

/** Makes users as a move from elsewhere does, fifty a call. */
async function importUsers({ rest }, count) {
  for (let from = 0; from < count; from += 500) {
    await Promise.all(Array.from({ length: 10 }, (_, part) => {
      const first = from + part * 50;
      return rest("POST", "/data_import/users", { users: Object.fromEntries(Array.from({ length: 50 }, (_, at) =>
        [`u${first + at}`, { uid: `u${first + at}`, name: `Person ${first + at}` }])) });
    }));
  }
}
