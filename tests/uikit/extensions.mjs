// The buttons of extensions, which the server has in the same binary.

import { until } from "./harness.mjs";

export async function extensions(world) {
  const { ann, ben } = world;
  await ann.tab("Chats");
  await ben.tab("Chats");
  await ann.open("Ben Example");
  await ben.open("Ann Example");

  await ann.page.locator("[data-part=composer]").getByLabel("ATTACHMENTS").click();
  await ann.page.getByText("Polls", { exact: true }).click();
  const dialog = ann.page.locator(".cometchat-create-poll");
  await dialog.locator(".cometchat-create-poll__question-input").fill("Tea or coffee?");
  await dialog.locator(".cometchat-create-poll__option-input").nth(0).fill("Tea");
  await dialog.locator(".cometchat-create-poll__option-input").nth(1).fill("Coffee");
  await world.shot(ann, "poll");
  await dialog.getByText("Create", { exact: true }).click();
  await dialog.waitFor({ state: "detached" });
  await ben.list.getByRole("radio", { name: "Coffee, 0 votes, 0%" }).click();
  for (const person of [ann, ben]) await person.list.getByRole("radio", { name: "Coffee, 1 votes, 100%" }).waitFor();
  await ann.list.getByRole("radio", { name: "Tea, 0 votes, 0%" }).click();
  for (const person of [ann, ben]) await person.list.getByRole("radio", { name: "Coffee, 1 votes, 50%" }).waitFor();
  await world.shot(ben, "poll");

  await ann.page.locator("[data-part=composer]").getByLabel("Sticker").click();
  const sticker = ann.page.getByLabel("Sticker 3 from Hobnob");
  await until("the sticker to be shown", () => sticker.locator("img").evaluate((image) => image.naturalWidth > 0));
  await world.shot(ann, "stickers");
  await sticker.click();
  const came = ben.list.locator(".cometchat-sticker-bubble img").last();
  await until("the sticker to come", async () => (await came.count()) && came.evaluate((image) => image.naturalWidth > 0));
  await ben.inbox("Ann Example").getByText("Sticker").waitFor();

  for (const [entry, kind] of [["Collaborative Document", "document"], ["Collaborative Whiteboard", "whiteboard"]]) {
    await ann.page.locator("[data-part=composer]").getByLabel("ATTACHMENTS").click();
    await ann.page.getByText(entry, { exact: true }).click();
    for (const person of [ann, ben]) {
      const bubble = person.list.locator(`.cometchat-collaborative-bubble--${kind}`).last();
      const opened = person.page.waitForEvent("popup");
      await bubble.getByRole("button").click();
      await (await opened).close();
    }
    await world.shot(ben, kind);
  }

  await ann.write("Guten Morgen");
  await ben.bubble("Guten Morgen").waitFor();
  await ben.choose("Guten Morgen", "Translate");
  await ben.bubble("Guten Morgen (en)").waitFor();
  await world.shot(ben, "translated");
}
