// What moderates without people: rules with their revisions; and the reasons people can give. Lists are in keywords.js.

import { path, rest } from "../api.js";
import { only } from "../me.js";
import { alert, brief, card, code, dim, html, json, name, pill, plain, table, time, useState } from "../ui/base.js";
import { ask, look } from "../ui/dialogs.js";
import { Act, Area, Check, Choice, Field, Form, boxes } from "../ui/forms.js";
import { inApp, reload, to } from "../ui/frames.js";
import { ID, KINDS, removing, useDoing } from "./keywords.js";

const ACTIONS = [["blockMessage", "Block the message"], ["flagMessage", "Flag it for review"], ["kickUser", "Kick its sender from the group"],
  ["banUser", "Ban its sender from the group"], ["blockUser", "Deactivate its sender"]];
const OPERANDS = [["text", "Text and captions"], ["custom", "Custom data"], ["image", "Images (engines)"], ["video", "Videos (engines)"], ["audio", "Sounds (engines)"], ["file", "Files (engines)"]];
const MEDIA = new Set(["image", "video", "audio", "file"]);
const OPERATORS = [["contains", "contains"], ["equals", "is all of"]];
const SOURCES = [["word", "Words"], ["pattern", "Patterns"], ["list", "Lists"]];
const SIDES = [["sender/user", "Sender"], ["receiver/user", "Receiver"], ["receiver/group", "Group"]];
const FILTER_OPERANDS = [["uid", "uid"], ["guid", "guid"], ["name", "name"], ["role", "role"], ["type", "type"], ["tags", "tags"], ["createdAt", "made at"]];
const FILTER_OPERATORS = [["equals", "is"], ["notEquals", "is not"], ["in", "is one of"], ["notIn", "is none of"], ["startsWith", "begins with"], ["endsWith", "ends with"],
  ["lessThan", "is before"], ["greaterThan", "is after"]];

// ---- rules

export async function rules(app, id) {
  const [{ data: all }, { data: known }] = await Promise.all([rest(app, "GET", "moderation/rules?limit=1000"), rest(app, "GET", "moderation/keywords?limit=1000")]);
  if (id === "new") return html`<${RuleForm} app=${app} lists=${known} />`;
  const one = id && all.find((rule) => rule.id === id);
  if (id && !one) return html`<p class="empty">There is no such rule.</p>`;
  if (one) return html`<${RuleForm} app=${app} lists=${known} rule=${one} />`;
  return html`<${Rules} app=${app} all=${all} />`;
}

function Rules({ app, all }) {
  const { error, setError, doing } = useDoing();
  const rows = all.map((rule) => [
    html`<a href=${inApp(app, "moderation", "rules", rule.id)}>${name(rule.name)}</a>${rule.description && html`<div class="hint">${name(rule.description)}</div>`}`,
    rule.enabled ? pill("on", "on") : pill("off"), rule.action.map((one) => plain(ACTIONS.find(([key]) => key === one)?.[1] ?? one)).join(", "), time(rule.updatedAt),
    html`<div class="buttons tight">
      <${Act} least="admin" class="small" refused=${setError} aria-label=${`Switch ${rule.enabled ? "off" : "on"} ${brief(rule.name)}`}
        act=${doing(() => rest(app, "PUT", path("moderation", "rules", rule.id), { enabled: !rule.enabled }))}>${rule.enabled ? "Switch off" : "Switch on"}<//>
      <${Act} class="small" refused=${setError} aria-label=${`Revisions of ${brief(rule.name)}`} act=${() => revisions(app, rule)}>Revisions<//>
      <${Act} least="admin" class="small bad" refused=${setError} aria-label=${`Delete ${brief(rule.name)}`}
        act=${doing(removing(app, rule.name, "It no longer looks at messages. What it has blocked stays blocked.", path("moderation", "rules", rule.id)))}>Delete…<//></div>`]);
  return card("Rules", dim("A rule looks at each message as it is sent or edited."), table("Rules", ["Name", "State", "What it does", "Changed", ""], rows, "There is no rule."), alert(error),
    only("admin", html`<div class="buttons"><a class="button" href=${inApp(app, "moderation", "rules", "new")}>New rule</a></div>`));
}

async function revisions(app, rule) {
  const { data } = await rest(app, "GET", path("moderation", "rules", rule.id, "revisions"));
  await look(["Revisions of ", name(rule.name)], () => data.map((one) => html`<details open=${one.active}><summary>${plain(one.revisionId)} ${one.active ? "(in use)" : ""}</summary>
    <p class="dim">${time(one.updatedAt)}</p>${json(`Revision ${one.revisionId}`, { name: one.name, enabled: one.enabled, action: one.action, filters: one.filters, conditions: one.conditions })}</details>`));
}

let keys = 0;
const keyed = (list) => list.map((one) => ({ key: (keys += 1), one }));

function RuleForm({ app, lists: known, rule }) {
  const [conditions, setConditions] = useState(() => keyed(rule?.conditions ?? [{ operand: "text", operator: "contains", category: "word", value: [] }]));
  const [filters, setFilters] = useState(() => keyed(rule?.filters ?? []));
  const act = async (values) => {
    const body = {
      name: values.name, description: values.description, enabled: values.enabled === "on",
      action: ACTIONS.map(([key]) => key).filter((key) => values["action:" + key]),
      conditions: conditions.map(({ key }) => readCondition(values, key, known)),
      filters: filters.map(({ key }) => {
        const [type, entity] = values[`f${key}.side`].split("/");
        return { type, entity, operand: values[`f${key}.operand`], operator: values[`f${key}.operator`], value: values[`f${key}.value`] };
      }),
    };
    if (rule) await rest(app, "PUT", path("moderation", "rules", rule.id), body);
    else await rest(app, "POST", "moderation/rules", { id: values.id, ...body });
    return to(inApp(app, "moderation", "rules"));
  };
  const without = (set) => (key) => set((old) => old.filter((one) => one.key !== key));
  const chosen = new Set(rule?.action ?? ["blockMessage"]);
  // By its other name it is the same.
  if (chosen.has("dropMessage")) chosen.add("blockMessage");
  return card(rule ? ["Rule ", name(rule.name)] : "New rule", html`<${Form} least="admin" kind="wide" submit=${rule ? "Save rule" : "Create rule"} act=${act}
      more=${html`<a class="button" href=${inApp(app, "moderation", "rules")}>Cancel</a>`}>
    ${!rule && html`<${Field} title="Id" name="id" ...${ID} />`}
    <${Field} title="Name" name="name" required maxlength="100" autocomplete="off" value=${rule?.name} />
    <${Field} title="Description" name="description" maxlength="1000" autocomplete="off" value=${rule?.description} />
    <${Check} title="Switched on" name="enabled" checked=${rule ? rule.enabled : true} />
    ${boxes("What it does", ACTIONS.map(([key, text]) => html`<${Check} title=${text} name=${"action:" + key} checked=${chosen.has(key)} />`))}
    <h3>Where one of these is met</h3>
    ${conditions.map(({ key, one }, at) => html`<${Condition} key=${key} id=${key} at=${at} one=${one} lists=${known} alone=${conditions.length === 1} remove=${without(setConditions)} />`)}
    <div class="buttons"><button type="button" onClick=${() => setConditions((old) => [...old, ...keyed([{ operand: "text", category: "word", value: [] }])])}>Add a condition</button></div>
    <h3>And all of these fit</h3>
    ${filters.length ? null : dim("Without a filter it is about all messages.")}
    ${filters.map(({ key, one }, at) => html`<fieldset class="part" key=${key} aria-label=${`Filter ${at + 1}`}>
      <${Choice} title="Whose" name=${`f${key}.side`} options=${SIDES} value=${one.type ? `${one.type}/${one.entity}` : "sender/user"} />
      <${Choice} title="What" name=${`f${key}.operand`} options=${FILTER_OPERANDS} value=${one.operand} />
      <${Choice} title="How" name=${`f${key}.operator`} options=${FILTER_OPERATORS} value=${one.operator} />
      <${Field} title="Value" name=${`f${key}.value`} required autocomplete="off" value=${one.value?.join(", ")} />
      <button type="button" class="small" aria-label=${`Take away filter ${at + 1}`} onClick=${() => without(setFilters)(key)}>Take away</button></fieldset>`)}
    <div class="buttons"><button type="button" onClick=${() => setFilters((old) => [...old, ...keyed([{}])])}>Add a filter</button></div><//>`);
}

function Condition({ id, at, one, lists: known, alone, remove }) {
  const [source, setSource] = useState(one.isKeywordsReferencePresent ? "list" : one.category);
  return html`<fieldset class="part" aria-label=${`Condition ${at + 1}`}>
    <${Choice} title="What of a message" name=${`c${id}.operand`} options=${OPERANDS} value=${one.operand} />
    <${Choice} title="How" name=${`c${id}.operator`} options=${OPERATORS} value=${one.operator} />
    <${Choice} title="By" name=${`c${id}.source`} options=${SOURCES} value=${source} onChange=${(event) => setSource(event.target.value)} />
    ${source === "list" ? html`<div class="broad" key="list">${boxes("Lists", known.map((list) => html`<${Check} key=${list.id} title=${brief(list.name)} hint=${KINDS[list.category]}
        name=${`c${id}.list:${list.id}`} checked=${one.isKeywordsReferencePresent && one.value?.includes(list.id)} />`))}</div>`
    : html`<div class="broad" key="value"><${Area} title=${source === "word" ? "Words, one a line" : "Patterns, one a line"} name=${`c${id}.value`} class="code" rows="3" spellcheck="false" required
        value=${one.isKeywordsReferencePresent ? "" : one.value?.join("\n")} /></div>`}
    ${!alone && html`<button type="button" class="small" aria-label=${`Take away condition ${at + 1}`} onClick=${() => remove(id)}>Take away</button>`}</fieldset>`;
}

function readCondition(values, key, known) {
  const source = values[`c${key}.source`];
  const operand = values[`c${key}.operand`];
  const chosen = source === "list" ? known.filter((one) => values[`c${key}.list:${one.id}`]) : [];
  if (source === "list" && !chosen.length) throw new Error("Choose a list, or write words.");
  if (new Set(chosen.map((one) => one.category)).size > 1) throw new Error("The lists of a condition are all of words, of patterns, or engines: make a condition for each kind.");
  return {
    entity: "message", operand, operator: values[`c${key}.operator`],
    category: chosen[0]?.category ?? source, isKeywordsReferencePresent: chosen.length > 0, isMediaPresent: MEDIA.has(operand),
    value: chosen.length ? chosen.map((one) => one.id) : values[`c${key}.value`].split("\n").map((line) => line.trim()).filter(Boolean),
  };
}

// ---- reasons

export async function reasons(app) {
  const { data } = await rest(app, "GET", "moderation/reasons?limit=1000");
  return html`<${Reasons} app=${app} all=${data} />`;
}

function Reasons({ app, all }) {
  const { error, setError, doing } = useDoing();
  const rename = async (reason) => !!(await ask({
    title: ["Rename ", name(reason.name)], submit: "Save", fields: html`<${Field} title="Name" name="name" required maxlength="100" autocomplete="off" value=${reason.name} autofocus />`,
    act: (values) => rest(app, "PUT", path("moderation", "reasons", reason.id), values),
  }));
  const rows = all.map((reason) => [name(reason.name), code(reason.id), reason.description && name(reason.description),
    html`<div class="buttons tight"><${Act} least="admin" class="small" refused=${setError} aria-label=${`Rename ${brief(reason.name)}`} act=${doing(() => rename(reason))}>Rename…<//>
      <${Act} least="admin" class="small bad" refused=${setError} aria-label=${`Delete ${brief(reason.name)}`}
        act=${doing(removing(app, reason.name, "People can no longer choose it.", path("moderation", "reasons", reason.id)))}>Delete…<//></div>`]);
  const add = async (values) => {
    await rest(app, "POST", "moderation/reasons", values);
    return reload;
  };
  return html`${card("Reasons", dim("What people can choose from when they report a message."), table("Reasons", ["Name", "Id", "Description", ""], rows, "There is no reason."), alert(error))}
    ${only("admin", card("New reason", html`<${Form} submit="Create reason" act=${add}><${Field} title="Id" name="id" ...${ID} />
      <${Field} title="Name" name="name" required maxlength="100" autocomplete="off" /><${Field} title="Description" name="description" maxlength="1000" autocomplete="off" /><//>`))}`;
}
