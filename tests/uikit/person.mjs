// What a user does in the page and where they look, in words. The two versions of the kit name their parts alike; where
// they do not, both names stand here.

/** Rows of a list of conversations, users, groups or members. */
export const ROWS = [".cometchat-list-item", ...["conversations", "users", "groups", "group-members"].map((list) => `.cometchat-${list}__item`)].join(", ");

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
    return this.side.locator(ROWS, { hasText: name });
  }

  async open(name) {
    await this.inbox(name).first().click();
    await this.page.locator(".cometchat-message-header", { hasText: name }).waitFor();
  }

  bubble(text, where = this.list) {
    return where.locator(".cometchat-message-bubble", { hasText: text });
  }

  composer(part = "composer") {
    return this.page.locator(`[data-part=${part}] [contenteditable]:not([contenteditable=false])`);
  }

  /** Types a message and sends it. */
  async write(text, part = "composer") {
    await this.composer(part).click();
    await this.page.keyboard.type(text);
    await this.page.keyboard.press("Enter");
  }
}
