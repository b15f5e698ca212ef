// What a user does in the page and where they look, in words. The two versions of the kit name their parts alike; where
// they do not, both names stand here.

import { until } from "./until.mjs";

/** Rows of a list of conversations, users, groups or members. */
export const ROWS = [".cometchat-list-item", ...["conversations", "users", "groups", "group-members"].map((list) => `.cometchat-${list}__item`)].join(", ");

const TITLES = ".cometchat-list-item__body-title, [class*='__item-title']";

export class Person {
  constructor(uid, page) {
    Object.assign(this, { uid, page });
    this.side = page.locator("[data-part=side]");
    this.list = page.locator("[data-part=list]");
    this.panel = page.locator("[data-part=panel]");
  }

  button(name) {
    return this.page.getByRole("button", { name, exact: true });
  }

  async tab(name) {
    await this.page.locator("nav").getByRole("button", { name, exact: true }).first().click();
  }

  /** An entry of the list on the left: a conversation, user or group. */
  inbox(name) {
    return this.side.locator(ROWS, { has: this.page.locator(TITLES, { hasText: name }) });
  }

  async open(name) {
    await this.inbox(name).first().click();
    await this.page.locator(".cometchat-message-header", { hasText: name }).waitFor();
  }

  /** The newest message that shows this text. */
  bubble(text, where = this.list) {
    return where.locator(".cometchat-message-bubble", { hasText: text }).last();
  }

  /** Every message that shows this text: for what must be there once. */
  bubbles(text, where = this.list) {
    return where.locator(".cometchat-message-bubble", { hasText: text });
  }

  /**
   * Waits for a tick of one's own message: Delivered, Read. A client drops a receipt of a message whose id it has not heard yet,
   * which a busy machine may bring about; the receipt of the next message covers it.
   */
  async ticked(text, tick) {
    const mark = this.bubble(text).getByLabel(tick, { exact: true });
    await until(`the tick ${tick} at ${text}`, async () => {
      const there = await mark.waitFor({ timeout: 2000 }).then(() => true, () => false);
      if (!there) await this.write("Well?");
      return there;
    });
  }

  composer(part = "composer") {
    return this.page.locator(`[data-part=${part}] [contenteditable]:not([contenteditable=false])`);
  }

  /** Types until somebody sees it, then the message, and sends that. The notice of typing ends soon after the last key. */
  async typeUntil(seen, text) {
    await this.composer().click();
    await until("the notice of typing", async () => {
      await this.page.keyboard.type(".");
      return seen.isVisible();
    });
    await this.page.keyboard.press("Control+A");
    await this.page.keyboard.type(text);
    await this.page.keyboard.press("Enter");
  }

  /** Types a message and sends it. */
  async write(text, part = "composer") {
    await this.composer(part).click();
    await this.page.keyboard.type(text);
    await this.page.keyboard.press("Enter");
  }

  /**
   * Presses one of the buttons beside a message, which show while the pointer is on it. They go away when the list moves under
   * the pointer, so one tries again.
   */
  async press(text, name) {
    const bubble = this.bubble(text);
    const button = bubble.locator(".cometchat-message-bubble__options").getByLabel(name, { exact: true });
    await until(`the buttons of ${text}`, async () => {
      await this.page.mouse.move(5, 795);
      await bubble.locator(".cometchat-message-bubble__body").first().hover();
      return button.click({ timeout: 1000 }).then(() => true, () => false);
    });
  }

  /** Picks an entry of a message's menu; an entry of a menu within the menu by both names. */
  async choose(text, ...items) {
    const first = this.item(items[0]);
    // What opens the menu closes it as well, if it was still open.
    await until(`the menu of ${text}`, async () => {
      await this.press(text, "More options");
      return first.waitFor({ timeout: 1000 }).then(() => true, () => false);
    });
    for (const item of items) await this.item(item).click();
  }

  /** An entry of the menu that is open. */
  item(name) {
    return this.page.locator("[role=menuitem]:visible").getByText(name, { exact: true });
  }

  /** The names of all entries of the menu of a message. */
  async menu(text) {
    await this.press(text, "More options");
    const items = this.page.locator("[role=menuitem]:visible");
    await items.first().waitFor();
    const names = await items.allInnerTexts();
    await this.page.keyboard.press("Escape");
    return names.map((name) => name.trim());
  }

  async react(text, emoji) {
    await this.press(text, "React");
    await this.page.locator(".cometchat-emoji-keyboard").getByText(emoji, { exact: true }).first().click();
  }

  chip(text, emoji) {
    return this.bubble(text).locator(".cometchat-reactions__chip", { hasText: emoji });
  }

  /** An entry of the menu of an entry of the list on the left. */
  async onInbox(name, item) {
    await this.inbox(name).hover();
    await this.inbox(name).getByLabel("More options").click();
    await this.item(item).click();
  }

  async onHeader(item) {
    await this.page.locator(".cometchat-message-header").getByLabel("More options").first().click();
    await this.item(item).click();
  }

  /** Answers yes to the dialog that asks whether it is meant. */
  async confirm() {
    const dialog = this.page.locator(".cometchat-confirm-dialog");
    await dialog.getByRole("button").last().click();
    await dialog.waitFor({ state: "detached" });
  }

  /** Picks a file by an entry of the composer's menu and sends it. */
  async attach(entry, file) {
    const composer = this.page.locator("[data-part=composer]");
    await composer.getByLabel("ATTACHMENTS").click();
    const [chooser] = await Promise.all([this.page.waitForEvent("filechooser"), this.page.getByText(entry).click()]);
    await chooser.setFiles(file);
    await composer.locator(".cometchat-message-composer__send-button--active").click();
    await composer.locator(".cometchat-message-composer__tray-list").waitFor({ state: "detached" });
  }

  toast(text) {
    return this.page.locator(".cometchat-toast", { hasText: text });
  }
}
