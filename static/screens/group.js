// One group and who is in it.

import { call, path } from "../api.js";
import { card, code, facts, html, json, name, number, time } from "../ui/base.js";
import { appFrame, inApp, userLink } from "../ui/frames.js";
import { List } from "../ui/lists.js";
import { status } from "../ui/people.js";

export async function show(app, guid) {
  const base = path("apps", app.id, "groups", guid);
  const { data: group } = await call("GET", base);
  return appFrame(app, "groups", [
    card("About", facts([["guid", code(group.guid)], ["Type", group.type], ["Members", number(group.membersCount)],
      // A group no person made belongs to the app itself.
      ["Owner", group.owner === "app_system" ? "the app" : html`<a href=${inApp(app, "users", group.owner)}>${code(group.owner)}</a>`],
      ["Made", time(group.createdAt)], ["Description", group.description && name(group.description)],
      ["Icon", group.icon && code(group.icon)], ["Tags", group.tags?.length ? name(group.tags.join(", ")) : null],
      ["Metadata", group.metadata && json("Metadata", group.metadata)]])),
    card("Members", html`<${List} title="Members" search="Search by start of name or uid" empty="Nobody is in this group."
      load=${(ask) => call("GET", `${base}/members?${ask}`)}
      heads=${["Name", "uid", "Scope", "Status", "Joined"]}
      row=${(member) => [userLink(app, member), code(member.uid), member.scope, status(member), time(member.joinedAt)]} />`)], name(group.name));
}
