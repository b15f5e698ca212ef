// One group and who is in it.

import { call, path } from "./api.js";
import { status } from "./user.js";
import { card, code, crumbs, el, facts, list, name, number, time } from "./ui.js";

export async function showGroup(app, guid) {
  const base = path("apps", app.id, "groups", guid);
  const { data: group } = await call("GET", base);
  const user = (uid) => "#/" + path("app", app.id, "users", uid);
  return [crumbs(["Apps", "#/"], [name(app.name), "#/" + path("app", app.id)], ["Groups", "#/" + path("app", app.id, "groups")]),
    el("h1", { tabindex: "-1" }, name(group.name)),
    card("About", facts([["guid", code(group.guid)], ["Type", group.type], ["Members", number(group.membersCount)],
      // A group no person made belongs to the app itself.
      ["Owner", group.owner === "app_system" ? "the app" : el("a", { href: user(group.owner) }, code(group.owner))],
      ["Made", time(group.createdAt)], ["Description", group.description && name(group.description)],
      ["Icon", group.icon && code(group.icon)], ["Tags", group.tags?.length ? name(group.tags.join(", ")) : null],
      ["Metadata", group.metadata && el("pre", {}, JSON.stringify(group.metadata, null, 2))]])),
    card("Members", ...list({
      title: "Members", search: "Search by start of name or uid", empty: "Nobody is in this group.",
      load: (ask) => call("GET", `${base}/members?${ask}`),
      heads: ["Name", "uid", "Scope", "Status", "Joined"],
      row: (member) => [el("a", { href: user(member.uid) }, name(member.name)), code(member.uid), member.scope, status(member), time(member.joinedAt)],
    }))];
}
