// Version 6 of the kit, whose parts bear other names and fewer labels than those of version 7.

import assert from "node:assert/strict";
import { until } from "./harness.mjs";

/**
 * Picks what can be done with a message: `quick` is one of the buttons, else the name of an entry of the menu. The buttons go
 * away when the list moves under the pointer, so one tries again.
 */
async function choose(person, text, { quick, entry }) {
  const bubble = person.bubble(text);
  const first = bubble.locator(quick ? `#${quick} .cometchat-menu-list__main-menu-item` : ".cometchat-menu-list__sub-menu-icon");
  await until(`the buttons of ${text}`, async () => {
    await person.page.mouse.move(5, 795);
    await bubble.locator(".cometchat-message-bubble__body").first().hover();
    return first.click({ timeout: 1000 }).then(() => true, () => false);
  });
  if (entry) await bubble.getByTitle(entry, { exact: true }).click();
}

/** Scrolls a list up and down to its end, as somebody does who looks what is new. */
async function toTheEnd(person) {
  await person.list.hover();
  await person.page.mouse.wheel(0, -300);
  await person.page.mouse.wheel(0, 3000);
}

export async function inbox(world) {
  const { ann, ben } = world;
  // What is unread counts as read when the end of the list is scrolled to: the list has to be longer than the window.
  for (let n = 1; n <= 15; n += 1) await world.say("ben", { user: "ann" }, `Line ${n}.`);
  await ann.bubble("Line 15.").waitFor();
  await toTheEnd(ann);
  await until("all to be read", async () => {
    const { unreadMessageCount } = await world.api("GET", "users/ben/conversation", undefined, { onBehalfOf: "ann" });
    return String(unreadMessageCount) === "0";
  });
  await ben.open("Ann Example");
  await ann.tab("Users");
  await ann.open("Cid Example");
  await ann.tab("Chats");
  await ben.typeUntil(ann.inbox("Ben Example").getByText(/typing/i), "On my way");
  await ben.write("Nearly there");
  await ann.inbox("Ben Example").getByText("Nearly there").waitFor();
  const badge = ann.inbox("Ben Example").locator(".cometchat-badge");
  await badge.getByText("2", { exact: true }).waitFor();
  await world.shot(ann, "unread");
  await ann.open("Ben Example");
  await toTheEnd(ann);
  await badge.getByText(/\d/).waitFor({ state: "detached" });
  await ben.bubble("Nearly there").locator("[class*=receipts-read], [class*=receipt-read]").first().waitFor();
  assert.equal(await ben.bubbles("Nearly there").count(), 1);
}

export async function deeds(world) {
  const { ann, ben } = world;
  await ann.open("Ben Example");
  await ben.open("Ann Example");
  await ann.write("A mesage");
  await ben.bubble("A mesage").waitFor();

  await choose(ben, "A mesage", { quick: "react" });
  await ben.page.locator("[class*=emoji-keyboard]").getByText("👍", { exact: true }).first().click();
  await ann.bubble("A mesage").locator(".cometchat-reactions__reaction-emoji").getByText("👍").waitFor();

  await choose(ann, "A mesage", { entry: "Edit" });
  await ann.page.getByText("Edit message").waitFor();
  await ann.composer().click();
  await ann.page.keyboard.press("Control+A");
  await ann.page.keyboard.type("A message");
  await ann.page.keyboard.press("Enter");
  await ben.bubble("A message").getByText("Edited").waitFor();
  await ben.bubble("A message").locator("[class*=reaction][class*=you], [class*=reaction][class*=active]").first().waitFor();

  await choose(ann, "A message", { entry: "Reply in thread" });
  await ann.panel.locator(".cometchat-thread-header").waitFor();
  await ann.write("Between us", "thread-composer");
  await ben.bubble("A message").getByTitle("1 Reply").click();
  await ben.bubble("Between us", ben.panel).waitFor();
  await world.shot(ben, "thread");
  for (const person of [ann, ben]) await person.panel.getByTitle("Close").click();

  await choose(ben, "A message", { quick: "reply" });
  await ben.write("As you say");
  await ann.bubble("As you say").locator(".cometchat-message-preview").getByText("A message").waitFor();
  await world.shot(ann, "quote");

  await ann.write("Forget this");
  await ben.bubble("Forget this").waitFor();
  await choose(ann, "Forget this", { entry: "Delete" });
  await until("the text to be gone", async () => (await ben.bubbles("Forget this").count()) === 0);
  await world.shot(ben, "deleted");
}

export async function files(world) {
  const { ann, ben } = world;
  await ann.open("Ben Example");
  await ben.open("Ann Example");
  const attach = async (entry, file) => {
    await ann.page.locator("[data-part=composer]").getByTitle("Attach").click();
    const [chooser] = await Promise.all([ann.page.waitForEvent("filechooser"), ann.page.getByText(entry).click()]);
    await chooser.setFiles(file);
  };
  const picture = await ann.page.screenshot();
  await attach("Attach Image", { name: "page.png", mimeType: "image/png", buffer: picture });
  const image = ben.list.locator(".cometchat-image-bubble img").last();
  const shown = () => image.evaluate((element) => element.complete && element.naturalWidth > 0 && element.getBoundingClientRect().height > 50);
  await image.waitFor();
  await until("the picture to be shown", shown);
  await attach("Attach File", { name: "notes.txt", mimeType: "text/plain", buffer: Buffer.from("Notes\n") });
  await ben.bubble("notes.txt").waitFor();
  // Fetched again, both are there as they came.
  await ben.page.reload();
  await ben.open("Ann Example");
  await ben.bubble("notes.txt").waitFor();
  await until("the picture to be shown again", shown);
  await world.shot(ben, "files");
}

export async function groups(world) {
  const { ann, ben } = world;
  await world.api("POST", "groups", { guid: "house", name: "Open House", type: "public", owner: "ann", members: { participants: ["cid"] } });
  await ann.tab("Groups");
  await ann.open("Open House");
  await ben.tab("Groups");
  await ben.open("Open House");
  await ann.list.getByText("Ben Example joined").waitFor();
  await ann.composer().click();
  await ann.page.keyboard.type("Welcome @Be");
  await ann.page.locator("[class*=mentions-list], [class*=user-member-wrapper], [class*=mention]").getByText("Ben Example").first().click();
  await ann.page.keyboard.type("to us");
  await ann.page.keyboard.press("Enter");
  await ben.bubble("Welcome").locator("[class*=mentions]").first().waitFor();
  await world.shot(ben, "mention");
}

export async function polls(world) {
  const { ann, ben } = world;
  for (const person of [ann, ben]) await person.tab("Chats");
  await ann.open("Ben Example");
  await ben.open("Ann Example");
  await ann.page.locator("[data-part=composer]").getByTitle("Attach").click();
  await ann.page.getByText("Polls", { exact: true }).click();
  const dialog = ann.page.locator(".cometchat-create-poll");
  await dialog.locator(".cometchat-create-poll__body-question-input").fill("Tea or coffee?");
  await dialog.locator(".cometchat-create-poll__body-option-input").nth(0).fill("Tea");
  await dialog.locator(".cometchat-create-poll__body-option-input").nth(1).fill("Coffee");
  await dialog.getByText("Create", { exact: true }).click();
  await dialog.waitFor({ state: "detached" });
  await ben.bubble("Tea or coffee?").getByText("Coffee", { exact: true }).waitFor();
  await world.shot(ben, "poll");
}
