// The groups of an app.

import { call, path } from "../api.js";
import { card, code, html, name, number, time } from "../ui/base.js";
import { appFrame, inApp } from "../ui/frames.js";
import { List } from "../ui/lists.js";

export async function show(app, guid) {
  if (guid) return (await import("./group.js")).show(app, guid);
  return appFrame(app, "groups", card("Groups", html`<${List}
    title="Groups" search="Search by start of name or guid" empty="This app has no groups yet."
    load=${(ask) => call("GET", `${path("apps", app.id)}/groups?${ask}`)}
    heads=${["Name", "guid", "Type", "Members", "Owner", "Made"]}
    row=${(group) => [html`<a href=${inApp(app, "groups", group.guid)}>${name(group.name)}</a>`, code(group.guid), group.type,
    number(group.membersCount), code(group.owner), time(group.createdAt)]} />`));
}
