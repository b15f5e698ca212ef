// Webhooks of an app: where its events are told. One of them is in webhook.js.

import { call, path } from "../api.js";
import { card, code, html, name, number, pill, table, time, useState } from "../ui/base.js";
import { once } from "../ui/copies.js";
import { Check, Field, Form, boxes } from "../ui/forms.js";
import { appFrame } from "../ui/frames.js";

export const SHOWN_ONCE = "The secret is shown only now. Whoever receives events checks by it that they are this server's.";
const CATEGORIES = { message: "Messages", conversation: "Conversations", user: "Users", group: "Groups", call: "Calls", moderation: "Moderation" };

export function status(hook) {
  if (!hook.enabled) return pill(hook.disabledBecause ? "switched off by the server" : "switched off", hook.disabledBecause ? "off" : "");
  return hook.failingSince ? pill("failing", "off") : pill("in use", "on");
}

/** So many, or so many and more. */
export const many = (count) => (count >= 1000 ? `${number(count)} or more` : number(count ?? 0));

/** Names the webhooks at which nothing arrives; nothing where all is well. */
export function failing(hooks) {
  if (!hooks.length) return null;
  const row = (hook) => html`<li><a href=${"#/" + path("app", hook.appId, "webhooks", hook.id)}>${name(hook.name)}</a>${hook.why
    ? [" was switched off: ", name(hook.why)] : [": nothing has arrived since ", time(hook.failingSince)]}</li>`;
  return html`<section class="card warn"><h2>Webhooks that fail</h2><ul>${hooks.map(row)}</ul></section>`;
}

/** Fields that making and changing share. */
export function hookFields(hook) {
  return html`<${Field} title="Name" name="name" required maxlength="50" autocomplete="off" value=${hook?.name} />
    <${Field} title="Address" name="webhookURL" type="url" required maxlength="255" autocomplete="off" value=${hook?.webhookURL}
      hint="https, or http on localhost and in private networks that the server's settings allow." />
    <${Check} title="Try again for a day what fails" name="retryOnFailure" checked=${hook ? hook.retryOnFailure : true} />
    <${Check} title="Send a username and a password (basic auth)" name="useBasicAuth" checked=${hook?.useBasicAuth} />
    <${Field} title="Username" name="username" maxlength="50" autocomplete="off" value=${hook?.username} />
    <${Field} title="Password" name="password" type="password" maxlength="100" autocomplete="new-password"
      hint=${hook ? "Left empty, it stays what it is." : null} />`;
}

export function readHook(values) {
  const { name, webhookURL, username, password } = values;
  const body = { name, webhookURL, username, useBasicAuth: values.useBasicAuth === "on", retryOnFailure: values.retryOnFailure === "on" };
  return password ? { ...body, password } : body;
}

/** A group of boxes for each category of triggers. */
export function triggerBoxes(all, chosen) {
  const categories = [...new Set(all.map((trigger) => trigger.category))];
  return categories.map((category) => boxes(CATEGORIES[category] ?? category, all.filter((one) => one.category === category)
    .map((one) => html`<${Check} title=${code(one.id)} name=${"trigger:" + one.id} checked=${chosen.has(one.id)} hint=${one.description} />`)));
}

export function chosenTriggers(values) {
  return Object.keys(values).filter((key) => key.startsWith("trigger:")).map((key) => key.slice("trigger:".length));
}

export async function show(app, id) {
  if (id) return (await import("./webhook.js")).show(app, id);
  const base = path("apps", app.id);
  const [{ data: all }, { data }] = await Promise.all([call("GET", base + "/triggers"), call("GET", base + "/webhooks?perPage=1000")]);
  return appFrame(app, "webhooks", html`<${Webhooks} app=${app} base=${base} all=${all} first=${data} />`);
}

function Webhooks({ app, base, all, first }) {
  const [hooks, setHooks] = useState(first);
  const [fresh, setFresh] = useState(null);
  const make = async (values, node) => {
    const { data } = await call("POST", base + "/webhooks", { id: values.id, ...readHook(values) });
    node.reset();
    setFresh(data);
    const triggerIds = chosenTriggers(values);
    if (triggerIds.length) await call("POST", `${base}/${path("webhooks", data.id, "triggers")}`, { triggerIds });
    setHooks((await call("GET", base + "/webhooks?perPage=1000")).data);
  };
  return html`${fresh && once(["The secret of ", name(fresh.name)], SHOWN_ONCE, [["Signing secret", fresh.signingSecret]])}
    ${card("Webhooks", table("Webhooks", ["Name", "Id", "State", "Waiting", "Failed"], hooks.map((hook) => [
    html`<a href=${"#/" + path("app", app.id, "webhooks", hook.id)}>${name(hook.name)}</a>`, code(hook.id), status(hook),
    many(hook.waitingEvents), many(hook.failedEvents),
  ]), "Nobody outside is told what happens in this app. Make a webhook below."))}
    ${card("New webhook", html`<${Form} kind="wide" submit="Create webhook" act=${make}>
      <${Field} title="Id" name="id" required maxlength="50" autocomplete="off" pattern="[A-Za-z0-9][A-Za-z0-9._\\-]*"
        hint="Letters, digits, hyphens, dots and underscores; it stays what it is." />
      ${hookFields()}${triggerBoxes(all, new Set(["message_sent"]))}<//>`)}`;
}
