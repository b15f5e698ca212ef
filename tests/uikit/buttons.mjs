// No dead button: what the kit offers is listed here in full, and what no other walk presses is pressed.

import assert from "node:assert/strict";
import { until } from "./harness.mjs";

export async function buttons(world) {
  const { ann, ben } = world;
  for (const person of [ann, ben]) await person.tab("Chats");
  await ann.open("Ben Example");
  await ben.open("Ann Example");
  await ann.write("What can be done?");
  await ben.bubble("What can be done?").waitFor();
  const labels = (where) => where.getByRole("button").evaluateAll((all) => all.map((one) => one.getAttribute("aria-label")));
  const composer = ann.page.locator("[data-part=composer]");
  assert.deepEqual(await labels(composer), ["ATTACHMENTS", "EMOJI", "Sticker", "VOICE_RECORDING", "SEND"]);
  await composer.getByLabel("ATTACHMENTS").click();
  assert.deepEqual(await composer.locator(".cometchat-message-composer__attachment-option").allInnerTexts(),
    ["Attach Image", "Attach Video", "Attach Audio", "Attach File", "Polls", "Collaborative Document", "Collaborative Whiteboard"]);
  await ann.page.keyboard.press("Escape");
  const own = ["Reply in thread", "Unsubscribe from thread", "Copy", "Edit", "Organize", "Translate", "Info", "Delete"];
  const others = ["Reply in thread", "Subscribe to thread", "Copy", "Organize", "Translate", "Report", "Mark Unread"];
  assert.deepEqual(await ann.menu("What can be done?"), own);
  assert.deepEqual(await ben.menu("What can be done?"), others);

  await ann.choose("What can be done?", "Unsubscribe from thread");
  await ann.toast("Unsubscribed").waitFor();
  await ben.choose("What can be done?", "Subscribe to thread");
  await ben.toast("Subscribed").waitFor();

  await composer.getByLabel("EMOJI").click();
  await ann.page.locator(".cometchat-emoji-keyboard").getByText("😀", { exact: true }).first().click();
  await until("the emoji in the text", async () => (await ann.composer().innerText()).includes("😀"));
  await ann.page.keyboard.press("Escape");
  await composer.getByLabel("SEND").click();
  await ben.bubble("😀").waitFor();

  await composer.getByLabel("VOICE_RECORDING").click();
  await ann.page.locator(".cometchat-media-recorder__recording-dot").waitFor();
  await ann.page.getByLabel("Delete recording").click();
  await ann.page.locator(".cometchat-media-recorder--inline").waitFor({ state: "detached" });
  await composer.getByLabel("VOICE_RECORDING").click();
  await ann.page.locator(".cometchat-media-recorder__waveform-bar--active").nth(4).waitFor();
  const notes = ben.list.getByLabel("Play audio");
  const before = await notes.count();
  await ann.page.getByLabel("Send Message").click();
  await until("the voice note", async () => (await notes.count()) > before);
  await notes.last().click();
  await world.shot(ben, "voice");
}

/** The same in a group, and of a conversation. */
export async function groupButtons(world) {
  const { ann, ben } = world;
  for (const person of [ann, ben]) {
    await person.tab("Groups");
    await person.open("Key Club");
  }
  await ben.write("Who has the key?");
  await ann.bubble("Who has the key?").waitFor();
  assert.deepEqual(await ann.menu("Who has the key?"),
    ["Reply in thread", "Subscribe to thread", "Copy", "Organize", "Translate", "Report", "Mark Unread", "Message Privately"]);
  await ann.choose("Who has the key?", "Message Privately");
  await ann.page.locator(".cometchat-message-header", { hasText: "Ben Example" }).waitFor();

  await ann.open("Key Club");
  await ann.write("I do");
  await ann.ticked("I do", "Read");
  await ann.choose("I do", "Info");
  const info = ann.page.locator(".cometchat-message-information");
  await info.getByText("Ben Example").waitFor();
  await world.shot(ann, "info-group");
  await info.getByLabel("Close").click();

  // A call to a group is a message with a way in.
  await ann.page.getByLabel("Video call").click();
  await ann.page.getByText("A call without media").waitFor();
  await ben.list.getByRole("button", { name: "Join" }).last().click();
  await ben.page.getByText("A call without media").waitFor();
  for (const person of [ben, ann]) {
    await person.page.getByRole("button", { name: "Leave the call" }).click();
    await person.page.getByText("A call without media").waitFor({ state: "detached" });
  }

  await ann.tab("Chats");
  await ann.onInbox("Key Club", "Delete");
  await ann.confirm();
  await until("the conversation to be gone", async () => (await ann.inbox("Key Club").count()) === 0);
  await ben.write("Hello again");
  await ann.inbox("Key Club").getByText("Hello again").waitFor();
}
