// The limits of an app: its own numbers, or the server's where it has none.

import { call, path } from "../api.js";
import { may } from "../me.js";
import { card, code, dim, html, number } from "../ui/base.js";
import { Field, Form, boxes } from "../ui/forms.js";

/** What belongs together; what is named nowhere stands at the end. */
const GROUPS = {
  "Messages": ["text", "data", "muid", "mentions", "reactions", "reaction", "receivers", "page_messages", "disappear", "translations", "submitted_messages"],
  "Users and groups": ["name", "url", "description", "password", "metadata", "tags", "tag", "members", "bulk", "tokens"],
  "Pins and reminders": ["pins", "app_pins", "pinned_messages", "app_pinned_messages", "saved_messages", "reminders", "reminder_text", "poll_options", "poll_text"],
  "Files": ["files", "upload", "user_files", "app_files", "stickers"],
  "The app": ["keys", "roles", "bots", "webhooks", "rules", "keyword_lists", "reasons"],
};

export async function limits(app) {
  const address = path("apps", app.id, "limits");
  const { data } = await call("GET", address);
  return html`<${Limits} address=${address} first=${data} />`;
}

function Limits({ address, first }) {
  const known = new Map(first.map((one) => [one.name, one]));
  const named = new Set(Object.values(GROUPS).flat());
  const groups = [...Object.entries(GROUPS), ["Other", first.map((one) => one.name).filter((name) => !named.has(name))]];
  const act = async (values) => {
    const changes = {};
    for (const [name, one] of known) {
      const wanted = values[name] ? Number(values[name]) : null;
      if (wanted !== one.own) changes[name] = wanted;
    }
    if (!Object.keys(changes).length) return "Nothing was changed.";
    for (const one of (await call("PUT", address, { limits: changes })).data) known.set(one.name, one);
    return "It is saved, and holds at once.";
  };
  const field = (one) => html`<${Field} title=${one.meaning.replace(/\.$/, "").replaceAll("`", "")} name=${one.name} type="number" min=${one.least} step="1" value=${one.own ?? ""}
    placeholder=${String(one.server)} hint=${html`${code(one.name)}, of the server: ${number(one.server)}`} />`;
  return card("Limits of this app", dim("Empty: as the server has it. What keeps the server itself up is the same for all apps, and set by its --limit."),
    html`<${Form} kind="wide" readonly=${!may("admin")} submit="Save limits" act=${act}>
      ${groups.map(([title, names]) => [title, names.map((name) => first.find((one) => one.name === name)).filter(Boolean)]).filter(([, all]) => all.length)
    .map(([title, all]) => boxes(title, all.map(field)))}<//>`);
}
