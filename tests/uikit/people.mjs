// Blocking, calls, the look of the page, and coming back.

import assert from "node:assert/strict";
import { until } from "./harness.mjs";

export async function blocking(world) {
  const { ann, ben } = world;
  await ann.tab("Chats");
  await ann.open("Ben Example");
  await ben.tab("Chats");
  await ben.open("Ann Example");
  await ben.page.locator(".cometchat-message-header__content, .cometchat-message-header .cometchat-list-item").first().click();
  await ben.panel.getByRole("button", { name: "Block" }).click();
  await ben.panel.getByRole("button", { name: "Unblock" }).waitFor();
  await world.shot(ben, "blocked");
  await ann.write("Do you hear me?");
  await ann.bubble("Do you hear me?").waitFor();
  await world.shot(ann, "blocked");
  await ben.panel.getByRole("button", { name: "Unblock" }).click();
  await ben.panel.getByRole("button", { name: "Block", exact: true }).waitFor();
  await ann.write("And now?");
  await ben.bubble("And now?").waitFor();
  assert.equal(await ben.bubbles("Do you hear me?").count(), 0);
}

/** A call rings on the other side, is declined, cancelled, taken and left; the buttons are there only if the page wants calls. */
export async function calls(world) {
  const { ann, ben } = world;
  await ann.open("Ben Example");
  await ben.open("Ann Example");
  const ringing = ben.page.locator(".cometchat-incoming-call");
  const calling = ann.page.locator(".cometchat-outgoing-call");
  await ann.page.getByLabel("Voice call").click();
  await ringing.getByText("Incoming Voice Call").waitFor();
  await world.shot(ann, "calling");
  await world.shot(ben, "ringing");
  await ringing.getByRole("button", { name: "Decline" }).click();
  await ringing.waitFor({ state: "detached" });
  await calling.waitFor({ state: "detached" });
  await ann.list.getByText("Rejected Call").last().waitFor();

  await ann.page.getByLabel("Video call").click();
  await ringing.getByText("Incoming Video Call").waitFor();
  await calling.getByLabel("End call").click();
  await ringing.waitFor({ state: "detached" });
  await calling.waitFor({ state: "detached" });

  await ann.page.getByLabel("Voice call").click();
  await ringing.getByRole("button", { name: "Accept" }).click();
  for (const person of [ann, ben]) await person.page.getByText("A call without media").waitFor();
  await ben.page.getByRole("button", { name: "Leave the call" }).click();
  for (const person of [ann, ben]) await person.page.getByText("A call without media").waitFor({ state: "detached" });
  await ann.list.getByText(/Call Ended|Answered Call|Ended/).last().waitFor();
  await world.shot(ann, "called");

  const cid = await world.person("cid", { calls: false });
  await cid.tab("Users");
  await cid.open("Ann Example");
  await cid.write("No calls please");
  await cid.bubble("No calls please").waitFor();
  assert.equal(await cid.page.getByLabel(/^(Voice|Video) call$/).count(), 0);
  await world.leave(cid);
}

export async function dark(world) {
  const { ann } = world;
  await ann.tab("Chats");
  await ann.open("Ben Example");
  const shade = () => ann.page.evaluate(() => {
    const paints = (element) => getComputedStyle(element).backgroundColor.match(/\d+(\.\d+)?/g).map(Number);
    let element = document.querySelector(".cometchat-conversations");
    while (element && (paints(element)[3] ?? 1) === 0) element = element.parentElement;
    const [red, green, blue] = element ? paints(element) : [255, 255, 255];
    return red + green + blue;
  });
  assert.ok((await shade()) > 600, "light at first");
  await ann.tab("Dark");
  await until("the dark", async () => (await shade()) < 150);
  await ann.page.evaluate(() => Promise.all(document.getAnimations().map((animation) => animation.finished.catch(() => {}))));
  await world.shot(ann, "dark");
  await ann.tab("Light");
  await until("the light", async () => (await shade()) > 600);
}

/** A page that is loaded again goes on without a login; what came meanwhile is there. */
export async function reload(world) {
  const { ann, ben } = world;
  const logins = [];
  ann.page.on("request", (request) => /auth_tokens/.test(request.url()) && logins.push(request.url()));
  await ann.page.goto("about:blank");
  await ben.tab("Chats");
  await ben.open("Ann Example");
  await ben.write("While you were away");
  await ben.bubble("While you were away").waitFor();
  await ann.page.goBack();
  await ann.inbox("Ben Example").getByText("While you were away").waitFor();
  await ann.inbox("Ben Example").getByLabel("1 unread messages").waitFor();
  await ann.open("Ben Example");
  await ben.ticked("While you were away", "Read");
  assert.deepEqual(logins, []);
}
