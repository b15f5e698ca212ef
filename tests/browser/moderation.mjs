// Moderation: what is flagged and what is blocked is decided on, rules are made of words, patterns, lists and filters and keep
// their revisions, lists come from files, reasons are kept; the effect is read back over REST.

import assert from "node:assert/strict";
import { HOSTILE, SHOWN, run, until } from "./house.mjs";

run("moderation", async (house) => {
  const { accessible, asked, button, dialog, everywhere, go, heading, page, refused, rest, shot } = house;
  await rest("POST", "/users", { uid: "ann", name: "Ann Example" });
  await rest("POST", "/users", { uid: "eve", name: HOSTILE });
  await rest("POST", "/users", { uid: "dan", name: "Dan Example" });
  await rest("POST", "/groups", { guid: "team", name: "Team", type: "public", owner: "ann", members: { participants: ["eve", "dan"] } });
  const say = (as, text) => rest("POST", "/messages", { receiver: "team", receiverType: "group", type: "text", data: { text } }, as);
  const place = (name) => `#/app/${house.app}/moderation/${name}`;
  const read = async (id) => rest("GET", `/messages/${id}`);
  const seen = async (id, by = "ann") => (await rest("GET", "/groups/team/messages?limit=100", null, by)).some((one) => one.id === id && one.data?.text);

  // Reasons.
  await go(place("reasons"));
  await page.getByLabel("Id", { exact: true }).fill("rude");
  await page.getByLabel("Name", { exact: true }).fill(HOSTILE);
  await button("Create reason").click();
  await page.getByRole("cell", { name: SHOWN, exact: true }).waitFor();
  assert.equal((await rest("GET", "/moderation/reasons/rude")).name, HOSTILE);
  await button(`Rename ${SHOWN}`).click();
  await dialog().getByLabel("Name", { exact: true }).fill("Rude");
  await button("Save").click();
  await page.getByRole("cell", { name: "Rude", exact: true }).waitFor();
  await everywhere("reasons");
  await page.getByLabel("Id", { exact: true }).fill("gone");
  await page.getByLabel("Name", { exact: true }).fill("Gone");
  await button("Create reason").click();
  await button("Delete Gone").click();
  await button("Delete").click();
  await page.getByRole("cell", { name: "Gone", exact: true }).waitFor({ state: "detached" });
  assert.ok((await rest("GET", "/moderation/reasons")).every((one) => one.id !== "gone"));

  // An answer that comes when somebody is elsewhere already leaves them there, with what they have begun to write.
  for (const [from, what, submit] of [["moderation/reasons", "reasons", "Create reason"], ["settings/roles", "roles", "Create role"]]) {
    let release;
    const held = new Promise((done) => { release = done; });
    await page.route(new RegExp(`/v3/(moderation/)?${what}$`), async (route) => {
      if (route.request().method() === "POST") await held;
      await route.continue();
    });
    await go(`#/app/${house.app}/${from}`);
    await page.getByLabel(what === "roles" ? "Role" : "Id", { exact: true }).fill("late");
    await page.getByLabel("Name", { exact: true }).fill("Late");
    const answered = page.waitForResponse((response) => response.request().method() === "POST" && response.url().endsWith(what));
    await button(submit).click();
    await go(`#/app/${house.app}/webhooks`);
    await page.getByLabel("Name", { exact: true }).fill("Half a na");
    const here = page.url();
    release();
    await (await answered).finished();
    await page.waitForTimeout(300);
    assert.equal(page.url(), here);
    assert.equal(await page.getByLabel("Name", { exact: true }).inputValue(), "Half a na");
  }

  // Flagged: approved, hidden, deleted, its sender banned.
  const said = {};
  for (const what of ["kept", "hidden", "deleted", "banned"]) {
    said[what] = (await say("eve", `${what} ${HOSTILE}`)).id;
    await rest("POST", `/messages/${said[what]}/flagged`, { reasonId: "rude", remark: HOSTILE }, "dan");
  }
  await go(place("flagged"));
  await page.getByText("Dan Example").first().waitFor();
  assert.equal(await page.locator(".queue > li").count(), 4);
  await everywhere("flagged");
  const on = (what, id) => page.getByRole("button", { name: `${what}: message ${id}`, exact: true });
  await on("Approve", said.kept).focus();
  await page.keyboard.press("Enter");
  await page.getByText("It stays.").waitFor();
  await on("Hide", said.hidden).click();
  await page.getByText("It is hidden from all but its sender.").waitFor();
  await on("Delete…", said.deleted).click();
  await button("Delete message").click();
  await page.getByText("The message is deleted.").waitFor();
  await on("Ban…", said.banned).click();
  await shot("ban");
  await button("Ban from the group").click();
  await page.getByText("They are banned from the group.").waitFor();
  assert.deepEqual([await seen(said.kept), await seen(said.hidden), !!(await read(said.deleted)).deletedAt], [true, false, true]);
  assert.deepEqual((await rest("GET", "/groups/team/bannedusers")).map((one) => one.uid), ["eve"]);
  await rest("DELETE", "/groups/team/bannedusers/eve");
  await rest("POST", "/groups/team/members", { participants: ["eve"] });
  await go(place("reviewed"));
  await page.locator(".queue > li").first().waitFor();
  await accessible();
  await shot("reviewed");

  // A list of words from a file, and one that is refused.
  await go(place("lists"));
  await button("New list…").click();
  await dialog().getByLabel("Id", { exact: true }).fill("fruits");
  await dialog().getByLabel("Name", { exact: true }).fill(HOSTILE);
  await dialog().getByLabel("Or a CSV file").setInputFiles({ name: "fruits.csv", mimeType: "text/csv", buffer: Buffer.from("durian,rambutan\nlongan\n") });
  await accessible();
  await shot("list-form");
  await button("Create list").click();
  await page.getByRole("cell", { name: SHOWN, exact: true }).waitFor();
  const list = await rest("GET", "/moderation/keywords/fruits");
  assert.deepEqual([list.isCSV, list.searchTerms], [true, ["durian", "rambutan", "longan"]]);
  await button(`Show ${SHOWN}`).click();
  await dialog().getByText("rambutan").waitFor();
  await page.keyboard.press("Escape");
  await button(`Edit ${SHOWN}`).click();
  await dialog().getByLabel("Entries").fill("durian, lychee");
  await dialog().getByLabel("Name", { exact: true }).fill("Fruits");
  await button("Save list").click();
  await page.getByRole("cell", { name: "Fruits", exact: true }).waitFor();
  assert.deepEqual((await rest("GET", "/moderation/keywords/fruits")).searchTerms, ["durian", "lychee"]);
  await button("New list…").click();
  await dialog().getByLabel("Id", { exact: true }).fill("broken");
  await dialog().getByLabel("Name", { exact: true }).fill("Broken");
  await dialog().getByLabel("Kind").selectOption("pattern");
  await dialog().getByLabel("Entries").fill("(unclosed");
  await button("Create list").click();
  await dialog().getByRole("alert").waitFor();
  refused("400");
  await page.keyboard.press("Escape");
  await everywhere("lists");

  // An engine outside, and how engines are asked.
  await button("New engine…").click();
  await dialog().getByLabel("Id", { exact: true }).fill("looker");
  await dialog().getByLabel("Name", { exact: true }).fill("Looker");
  await dialog().getByLabel("Address").fill("http://127.0.0.1:9/look");
  await button("Create engine").click();
  await page.getByRole("cell", { name: /^Looker/ }).first().waitFor();
  assert.equal((await rest("GET", "/moderation/keywords/looker")).url, "http://127.0.0.1:9/look");
  await page.getByLabel("Earlier messages that it is told").fill("3");
  await page.getByLabel("Where it gives no verdict").selectOption("drop-message");
  await button("Save").click();
  await page.getByText("It is saved.").waitFor();
  assert.deepEqual(await rest("GET", "/moderation/settings"), { contextMessages: 3, onCustomApiError: "drop-message" });

  // A rule of a list and a pattern, for one sender.
  await go(place("rules"));
  await page.getByRole("link", { name: "New rule" }).click();
  await page.getByLabel("Id", { exact: true }).fill("no-fruit");
  await page.getByLabel("Name", { exact: true }).fill(HOSTILE);
  const first = page.getByRole("group", { name: "Condition 1" });
  await first.getByLabel("By").selectOption("list");
  await first.getByLabel("Fruits").check();
  await button("Add a condition").click();
  const second = page.getByRole("group", { name: "Condition 2" });
  await second.getByLabel("By").selectOption("pattern");
  await second.getByLabel("Patterns, one a line").fill("appl(e|es)\npe[ae]r");
  await button("Add a filter").click();
  const filter = page.getByRole("group", { name: "Filter 1" });
  await filter.getByLabel("Value").fill("eve");
  await everywhere("rule");
  await button("Create rule").click();
  await page.getByRole("link", { name: SHOWN }).waitFor();
  const rule = await rest("GET", "/moderation/rules/no-fruit");
  assert.deepEqual(rule.conditions.map((one) => [one.category, one.isKeywordsReferencePresent, one.value]), [["word", true, ["fruits"]], ["pattern", false, ["appl(e|es)", "pe[ae]r"]]]);
  assert.deepEqual(rule.filters, [{ entity: "user", type: "sender", operand: "uid", operator: "equals", value: ["eve"] }]);
  assert.deepEqual([rule.enabled, rule.action], [true, ["blockMessage"]]);

  // It blocks; a moderator lets one pass and keeps the other back.
  const lychee = (await say("eve", "a lychee")).id;
  const apples = (await say("eve", "two apples")).id;
  const free = (await say("dan", "a durian is fine from me")).id;
  assert.deepEqual([await seen(lychee), await seen(apples), await seen(free)], [false, false, true]);
  await go(place("blocked"));
  await on("Approve", lychee).waitFor();
  await everywhere("blocked");
  await on("Approve", lychee).click();
  await page.getByText("It is delivered now.").waitFor();
  await on("Reject", apples).click();
  await page.getByText("It stays blocked.").waitFor();
  assert.deepEqual([await seen(lychee), await seen(apples)], [true, false]);

  // Changed, with its revisions; switched off and on; taken away.
  await go(place("rules"));
  await heading("Rules").waitFor();
  await page.getByRole("link", { name: SHOWN }).click();
  await page.getByRole("button", { name: "Take away condition 2" }).click();
  await page.getByLabel("Name", { exact: true }).fill("No fruit");
  await page.getByLabel("Flag it for review").check();
  await page.getByLabel("Block the message").uncheck();
  await button("Save rule").click();
  await page.getByRole("link", { name: "No fruit" }).waitFor();
  assert.deepEqual((await rest("GET", "/moderation/rules/no-fruit")).action, ["flagMessage"]);
  await button("Revisions of No fruit").click();
  await dialog().getByText(/no-fruit_2/).first().waitFor();
  await dialog().getByText(/no-fruit_1/).first().waitFor();
  await accessible();
  await shot("revisions");
  await button("Close").click();
  await button("Switch off No fruit").click();
  await button("Switch on No fruit").waitFor();
  await until("it is off", async () => !(await rest("GET", "/moderation/rules/no-fruit")).enabled);
  await everywhere("rules");
  await button("Delete No fruit").click();
  await button("Delete").click();
  await page.getByRole("link", { name: "No fruit" }).waitFor({ state: "detached" });
  assert.equal((await asked("GET", "/moderation/rules/no-fruit")).status, 404);
  await heading("Rules").waitFor();
});
