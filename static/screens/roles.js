// Roles: what those who have one may do, and which features of clients are off for them.

import { path, rest } from "../api.js";
import { may, only } from "../me.js";
import { alert, brief, card, code, dim, facts, html, json, name, table, time, useState } from "../ui/base.js";
import { ask, confirm } from "../ui/dialogs.js";
import { Act, Area, Check, Choice, Field, Form, boxes, readJson, words } from "../ui/forms.js";
import { inApp, reload, to } from "../ui/frames.js";

/** Features that can be switched off, by their keys in the contract. */
const FEATURES = ["addMember", "ban", "blockUser", "changeScope", "createCall", "createGroup", "createMessage", "createMessageThread", "deleteCall",
  "deleteConversationForUser", "deleteGroup", "deleteGroupMessages", "deleteMessage", "getBlockedUsers", "getCall", "getConversation", "getGroup", "getGroupMessages",
  "getMember", "getMessage", "getMyDetails", "getUser", "getUserMessages", "joinGroup", "kickMember", "leaveGroup", "listBannedUsers", "listCalls", "listConversations",
  "listGroupMembers", "listGroups", "listMessages", "listSettings", "listThreadedMessages", "listUsers", "logout", "massMemberOperate", "patchOwner", "unban"];

export async function roles(app, id) {
  if (id) return one(app, id);
  const { data } = await rest(app, "GET", "roles?perPage=100");
  return html`<${Roles} app=${app} all=${data} />`;
}

function Roles({ app, all }) {
  const [error, setError] = useState("");
  const remove = async (role) => {
    const done = await confirm({
      title: ["Delete ", name(role.name), "?"], submit: "Delete role", text: "Users who have it get the role default.",
      act: () => rest(app, "DELETE", path("roles", role.role)),
    });
    return done && reload;
  };
  const add = async (values) => {
    await rest(app, "POST", "roles", values);
    return to(inApp(app, "settings", "roles", values.role));
  };
  const rows = all.map((role) => [html`<a href=${inApp(app, "settings", "roles", role.role)}>${name(role.name)}</a>`, code(role.role), role.description && name(role.description), time(role.createdAt),
    role.role !== "default" && html`<${Act} least="admin" class="small bad" refused=${setError} aria-label=${`Delete ${brief(role.name)}`} act=${() => remove(role)}>Delete…<//>`]);
  return html`${card("Roles", table("Roles", ["Name", "Role", "Description", "Made", ""], rows, "There is no role."), alert(error))}
    ${only("admin", card("New role", html`<${Form} submit="Create role" act=${add}>
      <${Field} title="Role" name="role" required maxlength="100" autocomplete="off" spellcheck="false" hint="Its id: letters, digits and hyphens; it stays what it is." />
      <${Field} title="Name" name="name" required maxlength="100" autocomplete="off" /><${Field} title="Description" name="description" maxlength="1000" autocomplete="off" /><//>`))}`;
}

async function one(app, id) {
  const own = path("roles", id);
  const [{ data: role }, { data: permissions }, { data: off }] = await Promise.all([
    rest(app, "GET", own), rest(app, "GET", own + "/permissions?perPage=100"), rest(app, "GET", own + "/restrictedfeatures?perPage=100")]);
  return html`<${Role} app=${app} own=${own} role=${role} permissions=${permissions} off=${new Set(off.map((feature) => feature.key.replace(/^u\./, "")))} />`;
}

function Role({ app, own, role, permissions, off }) {
  const [error, setError] = useState("");
  const edit = async () => {
    const done = await ask({
      title: ["Edit ", name(role.name)], submit: "Save",
      fields: html`<${Field} title="Name" name="name" required maxlength="100" autocomplete="off" value=${role.name} autofocus />
        <${Field} title="Description" name="description" maxlength="1000" autocomplete="off" value=${role.description} />
        <${Area} title="Metadata" name="metadata" class="code" spellcheck="false" value=${role.metadata ? JSON.stringify(role.metadata, null, 2) : ""} hint="A JSON object, or nothing." />`,
      act: ({ name: title, description, metadata }) => {
        const given = readJson("The metadata", metadata);
        const unset = [!description && role.description && "description", !given && role.metadata && "metadata"].filter(Boolean);
        return rest(app, "PUT", own, { name: title, ...(description && { description }), ...(given && { metadata: given }), ...(unset.length && { unset }) });
      },
    });
    return done && reload;
  };
  const permit = async (values) => {
    const wanted = {};
    const back = [];
    for (const one of permissions) {
      const is = read(one, values);
      const was = one.value;
      if (same(is, one.defaultValue) ? was != null : !same(is, was)) {
        if (same(is, one.defaultValue)) back.push(one.id);
        else wanted[one.id] = is;
      }
    }
    if (Object.keys(wanted).length) {
      const { data } = await rest(app, "PUT", own + "/permissions", { permissions: wanted });
      const refused = Object.keys(wanted).map((id) => data[id]).find((outcome) => outcome?.success === false);
      if (refused) throw new Error(refused.message ?? refused.error?.message ?? "This was not done.");
    }
    for (const id of back) await rest(app, "DELETE", `${own}/${path("permissions", id)}`);
    for (const one of permissions) {
      if (one.id in wanted) one.value = wanted[one.id];
      else if (back.includes(one.id)) delete one.value;
    }
    return "It is saved.";
  };
  const restrict = async (values) => {
    const wanted = new Set(Object.keys(values).filter((key) => key.startsWith("off:")).map((key) => key.slice(4)));
    const add = [...wanted].filter((key) => !off.has(key));
    const drop = [...off].filter((key) => !wanted.has(key));
    if (add.length) await rest(app, "POST", own + "/restrictedfeatures", { featuresToRestrict: add });
    if (drop.length) await rest(app, "DELETE", own + "/restrictedfeatures", { featuresToAllow: drop });
    off.clear();
    for (const key of wanted) off.add(key);
    return `${wanted.size ? wanted.size : "No"} ${wanted.size === 1 ? "feature is" : "features are"} off.`;
  };
  const names = [...new Set([...FEATURES, ...off])];
  return html`${card(["Role ", name(role.name)], facts([["Role", code(role.role)], ["Description", role.description && name(role.description)], ["Made", time(role.createdAt)],
    ["Metadata", role.metadata && json("Metadata", role.metadata)]]),
  html`<div class="buttons"><${Act} least="admin" refused=${setError} act=${edit}>Edit…<//></div>`, alert(error))}
    ${card("What they may do", html`<${Form} kind="wide" readonly=${!may("admin")} submit="Save permissions" act=${permit}><div class="grid">${permissions.map(permission)}</div><//>`)}
    ${card("Features that are off", dim("Clients of this role are refused what is ticked."),
    html`<${Form} kind="wide" readonly=${!may("admin")} submit="Save features" act=${restrict}><div class="checks">${names.map((key) => html`<${Check} title=${code(key)} name=${"off:" + key} checked=${off.has(key)} key=${key} />`)}</div><//>`)}`;
}

/** A permission as a field of the kind that its definition says. */
function permission(one) {
  const is = one.value ?? one.defaultValue;
  if (one.dataType === "string") {
    const options = one.availableValues.map((value) => [value, value === one.defaultValue ? `${value} (as usual)` : value]);
    return html`<${Choice} key=${one.id} title=${one.title} name=${one.id} options=${options} value=${is} />`;
  }
  if (one.availableValues.length) {
    return html`<div key=${one.id}>${boxes(one.title, one.availableValues.map((value) => html`<${Check} title=${value} name=${`${one.id}=${value}`} checked=${is.includes(value)} />`))}</div>`;
  }
  return html`<${Field} key=${one.id} title=${one.title} name=${one.id} autocomplete="off" spellcheck="false" value=${is.join(", ")} hint="Between commas. Empty: all." />`;
}

function read(one, values) {
  if (one.dataType === "string") return values[one.id];
  if (one.availableValues.length) return one.availableValues.filter((value) => values[`${one.id}=${value}`]);
  return words(values[one.id]);
}

const same = (one, other) => JSON.stringify(one) === JSON.stringify(other);
