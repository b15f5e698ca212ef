// The conversations of an app, or of one of its users. One of them is in conversation.js.

import { path, rest } from "../api.js";
import { card, code, html, name, time } from "../ui/base.js";
import { appFrame, inApp } from "../ui/frames.js";
import { List } from "../ui/lists.js";
import { sender, summary } from "../ui/message.js";
import { face } from "../ui/people.js";

export async function show(app, which, id) {
  if (which === "id" || which === "thread") return (await import("./conversation.js")).show(app, which, id);
  const of = which === "of" ? id : null;
  const user = of && (await rest(app, "GET", path("users", of))).data;
  const row = (one) => {
    const last = one.lastMessage?.id ? one.lastMessage : null;
    return [html`<a href=${inApp(app, "conversations", "id", one.conversationId)} class="with-face">${face(one.conversationWith ?? {})}<span>${title(one, of)}</span></a>`,
      html`<span class="short">${one.conversationType === "group" ? "group" : "one-on-one"}</span>`,
      last && html`<span class="line">${last.category === "message" && html`<b>${name(sender(last).name)}</b>: `}<bdi>${summary(last)}</bdi></span>`, time(last?.sentAt ?? one.updatedAt)];
  };
  const content = card(of ? ["Conversations of ", name(user.name)] : "Conversations", html`<${List} title="Conversations" search="Search by start of name or id"
    empty="Nobody has written anything yet." filters=${[{ name: "conversationType", title: "Show", options: [["", "All"], ["user", "One-on-one"], ["group", "Groups"]] }]}
    load=${(asked) => rest(app, "GET", `conversations?${asked}${of ? "" : "&unique=1"}`, null, of)}
    heads=${["With", "Kind", "Last message", "When"]} row=${row} />`);
  return of ? appFrame(app, "conversations", content, name(user.name)) : appFrame(app, "conversations", content);
}

/** Who is in it: a group, or both people where nobody's eyes are looked through. */
export function title(one, of) {
  const other = one.conversationWith ?? {};
  if (one.conversationType === "group" || of) return name(other.name ?? one.conversationId);
  const { sender: first, receiver: second } = one.lastMessage?.data?.entities ?? {};
  if (!first?.entity || !second?.entity) return [name(other.name ?? ""), " ", code(one.conversationId)];
  return [name(first.entity.name), " and ", name(second.entity.name)];
}
