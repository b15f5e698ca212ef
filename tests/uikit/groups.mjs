// Groups of all types: entering, talking, naming somebody, the members' menu, leaving.

import assert from "node:assert/strict";
import { until } from "./harness.mjs";

export async function groups(world) {
  const { ann, ben } = world;
  for (const [guid, name, type, more] of [
    ["house", "Open House", "public", { members: { participants: ["cid"] } }],
    ["circle", "Closed Circle", "private", { members: { participants: ["ben", "cid"] } }],
    ["club", "Key Club", "password", { password: "sesame" }],
  ]) await world.api("POST", "groups", { guid, name, type, owner: "ann", ...more });
  await ann.tab("Groups");
  await ann.open("Open House");

  await ben.tab("Groups");
  await ben.open("Open House");
  await ann.list.getByText(/Ben Example .*joined|joined.*Ben Example/).waitFor();
  await ben.page.locator(".cometchat-message-header").getByText(/3\s+Members/i).waitFor();
  await ben.write("Hello house");
  await ann.bubble("Hello house").waitFor();
  await ben.tab("Chats");
  await ben.inbox("Open House").getByText("Hello house").waitFor();

  // A name that is typed becomes a mention.
  await ann.composer().click();
  await ann.page.keyboard.type("Welcome @Be");
  const named = ann.page.locator(".cometchat-message-composer__mentions-list").getByText("Ben Example");
  await named.waitFor();
  await world.shot(ann, "mention-list");
  await named.click();
  await ann.page.keyboard.type("to us");
  await ann.page.keyboard.press("Enter");
  await ben.bubble("Welcome").locator("[class*=mention]").getByText("@Ben Example").or(ben.bubble("Welcome").locator("[class*=mention]", { hasText: "Ben Example" })).first().waitFor();
  await world.shot(ben, "mention");
  assert.equal(await ben.bubbles("Welcome").count(), 1);

  // With a password: a wrong one leads nowhere.
  ben.page.once("dialog", (dialog) => dialog.accept("sesame"));
  await ben.tab("Groups");
  await ben.open("Key Club");
  await ben.write("I knew the word");
  await ann.tab("Chats");
  await ann.inbox("Key Club").getByText("I knew the word").waitFor();
  await world.shot(ann, "inbox-groups");

  await ben.open("Open House");
  await ben.page.locator(".cometchat-message-header__content, .cometchat-message-header .cometchat-list-item").first().click();
  await ben.panel.getByRole("button", { name: "Leave" }).click();
  await ann.open("Open House");
  await ann.list.getByText(/Ben Example .*left|left.*Ben Example/).waitFor();
}

/** What the owner can do with members. */
export async function members(world) {
  const { ann, ben } = world;
  await ben.tab("Groups");
  await ben.open("Closed Circle");
  await ann.tab("Groups");
  await ann.open("Closed Circle");
  await ann.page.locator(".cometchat-message-header__content, .cometchat-message-header .cometchat-list-item").first().click();
  const row = (name) => ann.panel.locator(".cometchat-group-members__item", { hasText: name });
  const act = async (name, item) => {
    await row(name).hover();
    await row(name).getByLabel("More options").click();
    await ann.item(item).click();
  };
  await act("Ben Example", "Change Scope");
  const dialog = ann.page.locator(".cometchat-change-scope");
  await dialog.getByText("Moderator", { exact: true }).click();
  await world.shot(ann, "scope");
  await dialog.getByRole("button", { name: "Save" }).click();
  await row("Ben Example").getByText("Moderator").waitFor();
  await ben.list.getByText(/made Ben Example .*moderator/i).waitFor();
  await world.shot(ben, "scope");

  await act("Cid Example", "Kick");
  await row("Cid Example").waitFor({ state: "detached" });
  await ben.list.getByText(/kicked.*Cid Example|Cid Example.*kicked/).waitFor();
  await world.shot(ann, "members");

  await act("Ben Example", "Ban");
  await row("Ben Example").waitFor({ state: "detached" });
  await ben.tab("Chats");
  await until("the group to be gone from the inbox", async () => (await ben.inbox("Closed Circle").count()) === 0);
  await world.shot(ben, "banned");
}
