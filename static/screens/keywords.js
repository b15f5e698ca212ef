// Lists that rules look messages up in: words, patterns, and engines outside that are asked; and how these are asked.

import { path, rest } from "../api.js";
import { may } from "../me.js";
import { alert, block, brief, card, code, dim, html, name, number, plain, table, time, useState } from "../ui/base.js";
import { ask, confirm, look } from "../ui/dialogs.js";
import { Act, Area, Check, Choice, Field, Form } from "../ui/forms.js";
import { reload } from "../ui/frames.js";

/** Fields of an id that is chosen once. */
export const ID = { required: true, maxlength: 100, autocomplete: "off", spellcheck: "false", pattern: "[A-Za-z0-9_\\-]+", hint: "Letters, digits, hyphens and underscores; it stays what it is." };
/** Kinds of lists, in words. */
export const KINDS = { word: "words", pattern: "patterns", "custom-api": "an engine" };

/** What can be done to all of a kind; the list is shown anew after each. */
export function useDoing() {
  const [error, setError] = useState("");
  const doing = (act) => async () => {
    return (await act()) !== false && reload;
  };
  return { error, setError, doing };
}

export const removing = (app, title, what, address) => async () => {
  const done = await confirm({ title: ["Delete ", name(title), "?"], submit: "Delete", text: what, act: () => rest(app, "DELETE", address) });
  return done;
};

export async function lists(app) {
  const [{ data }, { data: settings }] = await Promise.all([rest(app, "GET", "moderation/keywords?limit=1000"), rest(app, "GET", "moderation/settings")]);
  return html`<${Lists} app=${app} all=${data} /><${Engines} app=${app} settings=${settings} />`;
}

function Lists({ app, all }) {
  const { error, setError, doing } = useDoing();
  const rows = all.map((list) => [html`<div>${name(list.name)}${list.description && html`<div class="hint">${name(list.description)}</div>`}${list.url && html`<div class="hint">${code(list.url)}</div>`}</div>`,
    code(list.id), html`<span class="short">${KINDS[list.category] ?? plain(list.category)}${list.isCSV ? ", a file" : ""}</span>`, list.category === "custom-api" ? "" : number(list.searchTerms.length), time(list.updatedAt),
    html`<div class="buttons tight">
      ${list.category !== "custom-api" && html`<${Act} class="small" refused=${setError} aria-label=${`Show ${brief(list.name)}`} act=${() => look(name(list.name), () => block("What is in it", list.searchTerms.join("\n")))}>Show<//>`}
      <${Act} least="admin" class="small" refused=${setError} aria-label=${`Edit ${brief(list.name)}`} act=${doing(() => editList(app, list))}>Edit…<//>
      <${Act} least="admin" class="small bad" refused=${setError} aria-label=${`Delete ${brief(list.name)}`}
        act=${doing(removing(app, list.name, "Rules that use it stop a deletion.", path("moderation", "keywords", list.id)))}>Delete…<//></div>`]);
  return card("Word lists", table("Word lists", ["Name", "Id", "Kind", "Entries", "Changed", ""], rows, "There is no list."), alert(error),
    html`<div class="buttons"><${Act} least="admin" refused=${setError} act=${doing(() => editList(app))}>New list…<//>
      <${Act} least="admin" refused=${setError} act=${doing(() => editEngine(app))}>New engine…<//></div>`);
}

const common = (list) => html`<${Field} title="Name" name="name" required maxlength="100" autocomplete="off" value=${list?.name} />
  <${Field} title="Description" name="description" maxlength="1000" autocomplete="off" value=${list?.description} />`;

/** Whether it was done. */
async function editList(app, list) {
  if (list?.category === "custom-api") return editEngine(app, list);
  const terms = list ? list.searchTerms.join(list.category === "word" ? ", " : "\n") : "";
  const done = await ask({
    title: list ? ["Edit ", name(list.name)] : "New list", submit: list ? "Save list" : "Create list", wide: true,
    fields: html`${!list && html`<${Field} title="Id" name="id" ...${ID} autofocus />
        <${Choice} title="Kind" name="category" options=${[["word", "Words"], ["pattern", "Patterns (regular expressions)"]]} />`}
      ${common(list)}
      <${Area} title="Entries" name="searchTerms" rows="8" class="code" spellcheck="false" value=${terms} hint="Words parted by commas or lines; patterns one a line." />
      <${Field} title="Or a CSV file" name="file" type="file" accept=".csv,text/csv,text/plain" hint="In the place of the entries above." />`,
    act: async ({ file, ...values }) => {
      const address = list ? path("moderation", "keywords", list.id) : "moderation/keywords";
      if (!file?.size) return rest(app, list ? "PUT" : "POST", address, values);
      const form = new FormData();
      for (const [key, value] of Object.entries({ ...values, category: list?.category ?? values.category })) if (key !== "searchTerms") form.append(key, value);
      form.append("file", file);
      return rest(app, list ? "PUT" : "POST", address, form);
    },
  });
  return !!done;
}

/** An engine is a list that is asked. Whether it was done. */
async function editEngine(app, list) {
  const done = await ask({
    title: list ? ["Edit ", name(list.name)] : "New engine", submit: list ? "Save engine" : "Create engine", wide: true,
    fields: html`${!list && html`<${Field} title="Id" name="id" ...${ID} autofocus />`}${common(list)}
      <${Field} title="Address" name="url" type="url" required maxlength="255" autocomplete="off" value=${list?.url} hint="It is told of a message, and says whether a condition that names it is met." />
      <${Check} title="Send a username and a password (basic auth)" name="basicAuthEnabled" checked=${list?.basicAuthEnabled} />
      <${Field} title="Username" name="username" maxlength="50" autocomplete="off" value=${list?.username} />
      <${Field} title="Password" name="password" type="password" maxlength="100" autocomplete="new-password" hint=${list ? "Left empty, it stays what it is." : null} />`,
    act: ({ password, basicAuthEnabled, ...values }) => {
      const body = { ...values, category: "custom-api", basicAuthEnabled: basicAuthEnabled === "on", ...(password && { password }) };
      return list ? rest(app, "PUT", path("moderation", "keywords", list.id), body) : rest(app, "POST", "moderation/keywords", body);
    },
  });
  return !!done;
}

function Engines({ app, settings }) {
  const act = async (values) => {
    await rest(app, "PUT", "moderation/settings", { contextMessages: Number(values.contextMessages), onCustomApiError: values.onCustomApiError });
    return "It is saved.";
  };
  return card("How engines are asked", dim("A message that an engine is asked about is seen by its sender alone until it has answered."),
    html`<${Form} readonly=${!may("admin")} submit="Save" act=${act}>
      <${Field} title="Earlier messages that it is told" name="contextMessages" type="number" min="0" max="10" required value=${settings.contextMessages} />
      <${Choice} title="Where it gives no verdict" name="onCustomApiError" value=${settings.onCustomApiError} options=${[["approve-message", "The message passes"], ["drop-message", "The message is blocked"]]} /><//>`);
}
