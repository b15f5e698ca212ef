// One group: changing it, who is in it and as what, who is banned, its owner, its end.

import { call, path, rest } from "../api.js";
import { only } from "../me.js";
import { alert, brief, card, code, dim, facts, html, json, name, number, time, useRef, useState } from "../ui/base.js";
import { ask, confirm } from "../ui/dialogs.js";
import { Act, Choice, Form } from "../ui/forms.js";
import { appFrame, inApp, reload, to, userLink } from "../ui/frames.js";
import { List } from "../ui/lists.js";
import { UserField, face, link, status } from "../ui/people.js";
import { groupFields, readGroup } from "./groups.js";

const SCOPES = [["participant", "Participant"], ["moderator", "Moderator"], ["admin", "Admin"]];
const LISTS = { participant: "participants", moderator: "moderators", admin: "admins" };

export async function show(app, guid) {
  const base = path("apps", app.id, "groups", guid);
  const { data: group } = await call("GET", base);
  return appFrame(app, "groups", html`<${Group} app=${app} base=${base} group=${group} />`, html`${face(group)}${name(group.name)}`);
}

function Group({ app, base, group }) {
  const [turn, setTurn] = useState(0);
  const [error, setError] = useState("");
  const own = path("groups", group.guid);
  const [count, setCount] = useState(group.membersCount);
  const changed = () => {
    setTurn((old) => old + 1);
    call("GET", base).then(({ data }) => setCount(data.membersCount)).catch((refusal) => setError(refusal.message));
  };
  const edit = async () => {
    const done = await ask({
      title: ["Edit ", name(group.name)], submit: "Save", fields: groupFields(group),
      act: (values) => rest(app, "PUT", own, readGroup(values, group)),
    });
    return done && reload;
  };
  const transfer = async () => {
    const done = await ask({
      title: ["Who owns ", name(group.name), "?"], submit: "Hand it over",
      fields: html`<${UserField} app=${app} title="New owner (uid)" hint="A member of the group. Who owned it stays in it as an admin." autofocus />`,
      act: ({ uid }) => rest(app, "PATCH", own + "/owner", { owner: uid.trim() }),
    });
    return done && reload;
  };
  const remove = async () => {
    const done = await confirm({
      title: ["Delete ", name(group.name), "?"], submit: "Delete group", type: group.guid,
      text: "It ends for all its members, with its messages. There is no way back.",
      act: () => rest(app, "DELETE", own),
    });
    return done && to(inApp(app, "groups"));
  };
  return html`${card("About", facts([["guid", code(group.guid)], ["Type", group.type], ["Members", number(count)],
    // A group no person made belongs to the app itself.
    ["Owner", group.owner === "app_system" ? "the app" : html`<a href=${inApp(app, "users", group.owner)}>${code(group.owner)}</a>`],
    ["Made", time(group.createdAt)], ["Description", group.description && name(group.description)],
    ["Icon", group.icon && link(group.icon)], ["Tags", group.tags?.length ? name(group.tags.join(", ")) : null],
    ["Metadata", group.metadata && json("Metadata", group.metadata)]]),
  html`<div class="buttons">
      ${only("moderator", html`<a class="button" href=${inApp(app, "conversations", "id", group.conversationId ?? `group_${group.guid}`)}>Messages</a>`)}
      <${Act} least="admin" act=${edit}>Edit…<//>
      <${Act} least="admin" act=${transfer}>New owner…<//>
      <${Act} least="admin" class="bad" act=${remove}>Delete…<//></div>`, alert(error))}
    <${Members} app=${app} base=${base} group=${group} turn=${turn} changed=${changed} refused=${setError} />
    <${Banned} app=${app} group=${group} turn=${turn} changed=${changed} />`;
}

function Members({ app, base, group, turn, changed }) {
  const [error, setError] = useState("");
  const list = useRef(null);
  const own = path("groups", group.guid);
  const done = () => {
    changed();
    list.current.querySelector("h2").focus();
  };
  const add = async ({ uid, scope }, node) => {
    const wanted = uid.trim();
    const { data } = await rest(app, "POST", own + "/members", { [LISTS[scope]]: [wanted] });
    // Who could not be added is named in an answer that is a 200.
    const outcome = data[LISTS[scope]][wanted];
    if (!outcome.success) throw new Error(outcome.message ?? outcome.error?.message ?? "This was not done.");
    node.reset();
    changed();
    return "They are in the group.";
  };
  const rescope = async (member) => {
    const was = member.scope;
    const ok = await ask({
      title: ["What is ", name(member.name), " here?"], submit: "Change scope",
      fields: html`<${Choice} title="Scope" name="scope" options=${SCOPES} value=${was} />`,
      act: ({ scope }) => rest(app, "PUT", `${own}/${path("members", member.uid)}`, { scope }),
    });
    if (ok) done();
  };
  const kick = async (member) => {
    const ok = await confirm({
      title: ["Kick ", name(member.name), "?"], submit: "Kick", text: "They leave the group at once. They may come back where the group lets them.",
      act: () => rest(app, "DELETE", `${own}/${path("members", member.uid)}`),
    });
    if (ok) done();
  };
  const ban = async (member) => {
    const ok = await confirm({
      title: ["Ban ", name(member.name), "?"], submit: "Ban", text: "They leave the group at once and cannot come back until the ban is lifted.",
      act: () => rest(app, "POST", `${own}/${path("bannedusers", member.uid)}`, {}),
    });
    if (ok) done();
  };
  const row = (member) => [userLink(app, member), code(member.uid), member.uid === group.owner ? "owner" : member.scope, status(member), time(member.joinedAt),
    html`<div class="buttons tight">
      <${Act} least="admin" class="small" aria-label=${`Scope of ${brief(member.name)}`} refused=${setError} act=${() => rescope(member)}>Scope…<//>
      <${Act} least="moderator" class="small bad" aria-label=${`Kick ${brief(member.name)}`} refused=${setError} act=${() => kick(member)}>Kick…<//>
      <${Act} least="moderator" class="small bad" aria-label=${`Ban ${brief(member.name)}`} refused=${setError} act=${() => ban(member)}>Ban…<//></div>`];
  return html`<div ref=${list}>${card("Members", html`<${List} title="Members" search="Search by start of name or uid" empty="Nobody is in this group."
      load=${(asked) => call("GET", `${base}/members?${asked}`)} turn=${turn}
      heads=${["Name", "uid", "Scope", "Status", "Joined", ""]} row=${row} />`, alert(error),
    html`${only("admin", html`<h3>Add a member</h3>`)}<${Form} least="admin" kind="row" submit="Add" act=${add}><${UserField} app=${app} />
      <${Choice} title="Scope" name="scope" options=${SCOPES} /><//>`)}</div>`;
}

function Banned({ app, group, turn, changed }) {
  const [error, setError] = useState("");
  const list = useRef(null);
  const own = path("groups", group.guid, "bannedusers");
  const unban = async (uid) => {
    await rest(app, "DELETE", `${own}/${path(uid)}`);
    changed();
    list.current.querySelector("h2").focus();
  };
  return html`<div ref=${list}>${card("Banned", dim("Who is banned cannot join again until the ban is lifted."), html`<${List} title="Banned" empty="Nobody is banned."
    load=${(asked) => rest(app, "GET", `${own}?${asked}`)} turn=${turn} heads=${["Name", "uid", ""]}
    row=${(user) => [userLink(app, user), code(user.uid),
    html`<${Act} least="moderator" class="small" aria-label=${`Unban ${brief(user.name)}`} refused=${setError} act=${() => unban(user.uid)}>Unban<//>`]} />`, alert(error))}</div>`;
}
