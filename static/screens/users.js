// The users of an app, and making one.

import { call, path, rest } from "../api.js";
import { card, code, html, time } from "../ui/base.js";
import { ask } from "../ui/dialogs.js";
import { Act, Area, Choice, Field, readJson, words } from "../ui/forms.js";
import { appFrame, inApp, to, userLink } from "../ui/frames.js";
import { List } from "../ui/lists.js";
import { status } from "../ui/people.js";

export async function show(app, uid) {
  if (uid) return (await import("./user.js")).show(app, uid);
  return appFrame(app, "users", card("Users", html`<${List}
    title="Users" search="Search by start of name or uid" empty="This app has no users yet. Your back end makes them with its REST API key, or you do here."
    load=${(asked) => call("GET", `${path("apps", app.id)}/users?${asked}`)}
    actions=${html`<${Act} least="admin" class="main" act=${() => create(app)}>New user…<//>`}
    filters=${[{ name: "show", title: "Show", options: [["", "Everybody"], ["online", "Online"], ["active", "Not deactivated"], ["deactivated", "Deactivated"]] }]}
    heads=${["Name", "uid", "Status", "Role", "Made"]}
    row=${(user) => [userLink(app, user), code(user.uid), status(user), user.role, time(user.createdAt)]} />`));
}

/** The roles there are, as choices. */
export async function roleChoices(app) {
  const { data } = await rest(app, "GET", "roles?perPage=100");
  return data.map((one) => [one.role, one.role]);
}

/** What making and changing a user share. */
export function profileFields(roles, user = {}) {
  return html`<${Field} title="Name" name="name" required maxlength="100" autocomplete="off" value=${user.name} />
    <${Choice} title="Role" name="role" options=${roles} value=${user.role ?? "default"} />
    <${Field} title="Avatar (address)" name="avatar" type="url" maxlength="1000" autocomplete="off" value=${user.avatar} />
    <${Field} title="Link (address)" name="link" type="url" maxlength="1000" autocomplete="off" value=${user.link} />
    <${Field} title="Tags" name="tags" autocomplete="off" value=${user.tags?.join(", ")} hint="Between commas." />
    <${Area} title="Metadata" name="metadata" spellcheck="false" class="code" rows="6" hint="A JSON object, or nothing."
      value=${user.metadata ? JSON.stringify(user.metadata, null, 2) : ""} />`;
}

/** The profile as it stands in the form; without `before`, what is empty is left out. */
export function readProfile(values, before) {
  const body = { name: values.name, role: values.role };
  for (const key of ["avatar", "link"]) {
    if (values[key]) body[key] = values[key];
    else if (before?.[key]) body[key] = null;
  }
  const tags = words(values.tags);
  if (tags.length || before?.tags?.length) body.tags = tags;
  const metadata = readJson("The metadata", values.metadata);
  if (metadata || before?.metadata) body.metadata = metadata;
  return body;
}

async function create(app) {
  const roles = await roleChoices(app);
  const made = await ask({
    title: "New user", submit: "Create user",
    fields: html`<${Field} title="uid" name="uid" required maxlength="100" autocomplete="off" spellcheck="false" autofocus
      hint="Letters, digits, hyphens and underscores; it stays what it is." />${profileFields(roles)}`,
    act: async (values) => (await rest(app, "POST", "users", { uid: values.uid, ...readProfile(values) })).data,
  });
  return made && to(inApp(app, "users", made.uid));
}
