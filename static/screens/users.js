// The users of an app.

import { call, path } from "../api.js";
import { card, code, html, time } from "../ui/base.js";
import { appFrame, userLink } from "../ui/frames.js";
import { List } from "../ui/lists.js";
import { status } from "../ui/people.js";

export async function show(app, uid) {
  if (uid) return (await import("./user.js")).show(app, uid);
  return appFrame(app, "users", card("Users", html`<${List}
    title="Users" search="Search by start of name or uid" empty="This app has no users yet. Your back end makes them with its REST API key."
    load=${(ask) => call("GET", `${path("apps", app.id)}/users?${ask}`)}
    filters=${[{ name: "show", title: "Show", options: [["", "Everybody"], ["online", "Online"], ["active", "Not deactivated"], ["deactivated", "Deactivated"]] }]}
    heads=${["Name", "uid", "Status", "Role", "Made"]}
    row=${(user) => [userLink(app, user), code(user.uid), status(user), user.role, time(user.createdAt)]} />`));
}
