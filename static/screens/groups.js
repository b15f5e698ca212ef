// The groups of an app, and making one.

import { call, path, rest } from "../api.js";
import { card, code, html, name, number, time } from "../ui/base.js";
import { ask } from "../ui/dialogs.js";
import { Act, Area, Choice, Field, readJson, words } from "../ui/forms.js";
import { appFrame, inApp, to } from "../ui/frames.js";
import { List } from "../ui/lists.js";
import { UserField } from "../ui/people.js";

const TYPES = [["public", "Public: anybody joins"], ["password", "Password: whoever knows it joins"], ["private", "Private: members are added"]];

export async function show(app, guid) {
  if (guid) return (await import("./group.js")).show(app, guid);
  return appFrame(app, "groups", card("Groups", html`<${List}
    title="Groups" search="Search by start of name or guid" empty="This app has no groups yet."
    load=${(asked) => call("GET", `${path("apps", app.id)}/groups?${asked}`)}
    actions=${html`<${Act} least="admin" class="main" act=${() => create(app)}>New group…<//>`}
    heads=${["Name", "guid", "Type", "Members", "Owner", "Made"]}
    row=${(group) => [html`<a href=${inApp(app, "groups", group.guid)}>${name(group.name)}</a>`, code(group.guid), group.type,
    number(group.membersCount), code(group.owner), time(group.createdAt)]} />`));
}

/** What making and changing a group share. */
export function groupFields(group = {}) {
  return html`<${Field} title="Name" name="name" required maxlength="100" autocomplete="off" value=${group.name} />
    <${Choice} title="Type" name="type" options=${TYPES} value=${group.type ?? "public"} />
    <${Field} title="Password" name="password" type="password" maxlength="100" autocomplete="new-password"
      hint=${group.guid ? "For groups with a password. Left empty, it stays what it is." : "For groups with a password."} />
    <${Area} title="Description" name="description" rows="2" maxlength="1000" value=${group.description} />
    <${Field} title="Icon (address)" name="icon" type="url" maxlength="1000" autocomplete="off" value=${group.icon} />
    <${Field} title="Tags" name="tags" autocomplete="off" value=${group.tags?.join(", ")} hint="Between commas." />
    <${Area} title="Metadata" name="metadata" spellcheck="false" class="code" rows="4" hint="A JSON object, or nothing."
      value=${group.metadata ? JSON.stringify(group.metadata, null, 2) : ""} />`;
}

/** The group as it stands in the form; without `before`, what is empty is left out. */
export function readGroup(values, before) {
  const body = { name: values.name };
  if (values.type !== before?.type) body.type = values.type;
  if (values.password) body.password = values.password;
  for (const key of ["description", "icon"]) {
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
  const made = await ask({
    title: "New group", submit: "Create group",
    fields: html`<${Field} title="guid" name="guid" required maxlength="100" autocomplete="off" spellcheck="false" autofocus
        hint="Letters, digits, hyphens and underscores; it stays what it is." />${groupFields()}
      <${UserField} app=${app} title="Owner (uid)" name="owner" required=${false} hint="Without one, the group belongs to the app itself." />`,
    act: async ({ guid, owner, ...values }) => (await rest(app, "POST", "groups", { guid, ...readGroup(values), ...(owner && { owner }) })).data,
  });
  return made && to(inApp(app, "groups", made.guid));
}
