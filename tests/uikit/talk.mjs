// Two people who chat.

import assert from "node:assert/strict";
import { until } from "./harness.mjs";

/** Both log in, one reads what was said before and answers, the other's inbox shows it without opening the chat. */
export async function bothWays(world) {
  for (const [uid, name] of [["ann", "Ann Example"], ["ben", "Ben Example"], ["cid", "Cid Example"]]) await world.api("POST", "users", { uid, name });
  await world.say("ben", { user: "ann" }, "Good morning");
  const ann = (world.ann = await world.person("ann"));
  const ben = (world.ben = await world.person("ben"));
  await ann.inbox("Ben Example").getByText("Good morning").waitFor();
  await ann.open("Ben Example");
  await ann.bubble("Good morning").waitFor();
  await ann.write("Hello Ben");
  await ann.bubble("Hello Ben").waitFor();
  await ben.inbox("Ann Example").getByText("Hello Ben").waitFor();
  await ben.open("Ann Example");
  await ben.bubble("Hello Ben").waitFor();
  await ben.write("How are you?");
  await ann.bubble("How are you?").waitFor();
  await ann.inbox("Ben Example").getByText("How are you?").waitFor();
  await world.shot(ann, "talk");
}

/** A chat that is not open: the inbox shows what came, who types and how much is unread, and opening it reads it. */
export async function inbox(world) {
  const { ann, ben } = world;
  await ben.open("Ann Example");
  await ann.tab("Users");
  await ann.open("Cid Example");
  await ann.tab("Chats");
  await ben.typeUntil(ann.inbox("Ben Example").getByText("Typing..."), "On my way");
  await ben.write("Nearly there");
  await ann.inbox("Ben Example").getByText("Nearly there").waitFor();
  await ann.inbox("Ben Example").getByLabel("2 unread messages").waitFor();
  await ben.ticked("Nearly there", "Delivered");
  await world.shot(ann, "unread");
  await ann.open("Ben Example");
  await ann.inbox("Ben Example").getByLabel(/unread/).waitFor({ state: "detached" });
  for (const text of ["On my way", "Nearly there"]) {
    await ben.ticked(text, "Read");
    assert.equal(await ben.bubbles(text).count(), 1);
  }
  await ann.typeUntil(ben.page.locator(".cometchat-message-header").getByText("typing"), "I wait");
  await ben.bubble("I wait").waitFor();
  await ben.page.locator(".cometchat-message-header").getByText("Online").waitFor();
  // A quick row of messages: each there once, in order, and each read in the end.
  for (let n = 1; n <= 5; n += 1) await ann.write(`Number ${n}.`);
  await ann.ticked("Number 5.", "Read");
  for (let n = 1; n < 5; n += 1) await ann.bubble(`Number ${n}.`).getByLabel("Read", { exact: true }).waitFor();
  const said = (await ben.bubbles("Number").allInnerTexts()).map((text) => text.match(/Number \d/)[0]);
  assert.deepEqual(said, [1, 2, 3, 4, 5].map((n) => `Number ${n}`));
  await ann.choose("Nearly there", "Mark Unread");
  await ann.inbox("Ben Example").getByLabel(/unread/).waitFor();
}

/** What one can do to a message. */
export async function deeds(world) {
  const { ann, ben } = world;
  await ann.open("Ben Example");
  await ben.open("Ann Example");
  await ann.write("A mesage");
  await ben.bubble("A mesage").waitFor();

  await ben.react("A mesage", "👍");
  await ben.chip("A mesage", "👍").and(ben.page.locator("[class*=chip--active]")).waitFor();
  await ann.chip("A mesage", "👍").click();
  await ann.chip("A mesage", "👍").getByText("2").waitFor();
  await ben.chip("A mesage", "👍").getByText("2").waitFor();

  await ann.choose("A mesage", "Edit");
  await ann.page.locator(".cometchat-message-composer__edit-preview").waitFor();
  await ann.composer().click();
  await ann.page.keyboard.press("Control+A");
  await ann.page.keyboard.type("A message");
  await world.shot(ann, "edit");
  await ann.page.keyboard.press("Enter");
  await ben.bubble("A message").getByText("Edited").waitFor();
  // Both still see which reactions are theirs.
  for (const person of [ann, ben]) await person.chip("A message", "👍").and(person.page.locator("[class*=chip--active]")).waitFor();
  await ben.chip("A message", "👍").click();
  await ann.chip("A message", "👍").getByText("1").waitFor();

  await ann.choose("A message", "Reply in thread");
  await ann.panel.locator(".cometchat-thread-header").waitFor();
  await ann.write("Between us", "thread-composer");
  await ben.bubble("A message").getByText("1 Reply").click();
  await ben.bubble("Between us", ben.panel).waitFor();
  await ben.write("Indeed", "thread-composer");
  await ann.bubble("Indeed", ann.panel).waitFor();
  await ann.bubble("A message").getByText("2 Replies").waitFor();
  assert.equal(await ann.bubbles("Indeed").count(), 0, "a reply in a thread stays in it");
  await world.shot(ann, "thread");
  for (const person of [ann, ben]) await person.panel.locator(".cometchat-thread-header").getByLabel("Close").click();

  await ben.press("A message", "Reply");
  await ben.page.locator(".cometchat-message-composer__reply-preview").getByText("A message").waitFor();
  await ben.write("As you say");
  await ann.bubble("As you say").locator(".cometchat-message-reply-preview").getByText("A message").waitFor();
  await world.shot(ann, "quote");

  await ann.choose("As you say", "Copy");
  assert.equal(await ann.page.evaluate(() => navigator.clipboard.readText()), "As you say");
  await ann.choose("As you say", "Report");
  const dialog = ann.page.locator(".cometchat-flag-message-dialog");
  await dialog.getByText("Spam").click();
  await dialog.locator("textarea").fill("Not funny");
  await world.shot(ann, "report");
  await dialog.getByRole("button", { name: "Report" }).click();
  await ann.toast("Message Reported").waitFor();
  const flagged = await world.api("GET", "messages?flagged=true").catch(() => null);
  assert.ok(!flagged || JSON.stringify(flagged).includes("As you say"));

  await ann.write("Look at me");
  await ann.ticked("Look at me", "Read");
  await ann.choose("Look at me", "Info");
  const info = ann.page.locator(".cometchat-message-information");
  await info.getByText("Read", { exact: true }).waitFor();
  await world.shot(ann, "info");
  await info.getByLabel("Close").click();

  await ann.write("Forget this");
  await ben.bubble("Forget this").waitFor();
  await ann.choose("Forget this", "Delete");
  await ann.confirm();
  await ben.bubble("This message was deleted").waitFor();
  await until("the text to be gone", async () => (await ben.bubbles("Forget this").count()) === 0);
  await world.shot(ben, "deleted");
}

/** Pinned and saved messages, pinned conversations, and a conversation that is deleted. */
export async function kept(world) {
  const { ann, ben } = world;
  await ann.open("Ben Example");
  await ann.write("Keep in mind");
  await ben.bubble("Keep in mind").waitFor();
  await ann.choose("Keep in mind", "Organize", "Pin message");
  await ann.choose("Keep in mind", "Organize", "Save message");
  await ben.onHeader("Pinned Messages");
  await ben.panel.getByText("Keep in mind").waitFor();
  await world.shot(ben, "pinned");
  await ann.tab("Saved");
  await ann.side.getByText("Keep in mind").waitFor();
  await world.shot(ann, "saved");
  await ann.tab("Chats");
  await ann.onInbox("Ben Example", "Pin conversation");
  await world.shot(ann, "pinned-conversation");
  await ann.onInbox("Ben Example", "Unpin conversation");
  await ann.confirm();
}
