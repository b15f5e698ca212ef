// How an app is set up: how long messages are kept, what roles may do, which bots and extensions there are. Roles are in roles.js.

import { call, path } from "../api.js";
import { may, only } from "../me.js";
import { alert, brief, card, code, dim, html, name, pill, table, useState } from "../ui/base.js";
import { confirm } from "../ui/dialogs.js";
import { Act, Field, Form } from "../ui/forms.js";
import { appFrame, inApp, reload, subparts, userLink } from "../ui/frames.js";
import { ownFile } from "../ui/message.js";
import { UserField } from "../ui/people.js";

const PLACES = { general: "General", limits: "Limits", roles: "Roles", bots: "Bots", extensions: "Extensions" };

export async function show(app, place = "general", id) {
  const nav = subparts("Settings", Object.entries(PLACES).map(([key, text]) => [text, inApp(app, "settings", key), key === place]));
  if (place === "roles") return appFrame(app, "settings", [nav, await (await import("./roles.js")).roles(app, id)]);
  if (place === "limits") return appFrame(app, "settings", [nav, await (await import("./limits.js")).limits(app)]);
  if (place === "bots") return appFrame(app, "settings", [nav, await bots(app)]);
  if (place === "extensions") return appFrame(app, "settings", [nav, await extensions(app)]);
  return appFrame(app, "settings", [nav, await general(app)]);
}

async function general(app) {
  const address = path("apps", app.id, "retention");
  const { data: kept } = await call("GET", address);
  const days = (text) => (text ? Number(text) : null);
  const keep = async (values) => {
    const wanted = { user: days(values.user), group: days(values.group) };
    // What is older goes within the hour: fewer days than before are asked about.
    const shorter = Object.keys(wanted).some((key) => wanted[key] != null && (kept[key] == null || wanted[key] < kept[key]));
    const act = () => call("PUT", address, wanted);
    if (!shorter) await act();
    else if (!(await confirm({ title: "Keep messages for a shorter time?", submit: "Keep them shorter", text: "Older messages are removed for good within the hour, with their files.", act }))) return undefined;
    Object.assign(kept, wanted);
    return "It is saved.";
  };
  const field = (title, key) => html`<${Field} title=${title} name=${key} type="number" min="1" max="36500" step="1" value=${kept[key] ?? ""} hint="Days. Empty: for ever." />`;
  const rename = async (values) => {
    await call("PUT", path("apps", app.id), values);
    return reload;
  };
  return html`${only("admin", card("Name", html`<${Form} kind="row" submit="Rename" act=${rename}>
      <${Field} title="Name of the app" name="name" required maxlength="100" autocomplete="off" value=${app.name} /><//>`))}
    ${card("How long messages are kept", dim("Older ones are removed within the hour, with their files, reactions and places in threads. Pinned and saved ones go, too."),
    html`<${Form} readonly=${!may("admin")} submit="Save" act=${keep}>${field("One-on-one", "user")}${field("Groups", "group")}<//>`)}`;
}

async function bots(app) {
  const base = path("apps", app.id) + "/bots";
  const { data } = await call("GET", base);
  return html`<${Bots} app=${app} base=${base} all=${data} />`;
}

function Bots({ app, base, all }) {
  const [error, setError] = useState("");
  const add = async ({ uid, name: title }) => {
    await call("POST", base, { uid: uid.trim(), ...(title && { name: title }) });
    return reload;
  };
  const retire = async (bot) => {
    const done = await confirm({
      title: ["Retire ", name(bot.name), "?"], submit: "Retire bot", text: "It stays a user with all that it said; the app no longer writes in its name.",
      act: () => call("DELETE", `${base}/${path(bot.uid)}`),
    });
    return done && reload;
  };
  const rows = all.map((bot) => [userLink(app, bot), code(bot.uid),
    html`<${Act} least="admin" class="small bad" refused=${setError} aria-label=${`Retire ${brief(bot.name)}`} act=${() => retire(bot)}>Retire…<//>`]);
  return [card("Bots", dim("Users in whose name the app writes, whatever groups and blocks say."), table("Bots", ["Name", "uid", ""], rows, "There is no bot."), alert(error)),
    only("admin", card("New bot", html`<${Form} kind="row" submit="Make a bot" act=${add}><${UserField} app=${app} hint="Of a new user, or of one who is there." />
      <${Field} title="Name" name="name" maxlength="100" autocomplete="off" hint="Of a new user." /><//>`))];
}

async function extensions(app) {
  const base = path("apps", app.id);
  const [{ data: all }, { data: stickers }] = await Promise.all([call("GET", base + "/extensions"), call("GET", base + "/stickers")]);
  return html`<${Extensions} base=${base} all=${all} /><${Stickers} app=${app} base=${base} all=${stickers} />`;
}

function Extensions({ base, all }) {
  const [error, setError] = useState("");
  const turn = (one) => async () => {
    await call("PUT", `${base}/${path("extensions", one.id)}`, { enabled: !one.enabled });
    return reload;
  };
  const rows = all.map((one) => [name(one.name), code(one.id), one.available ? (one.enabled ? pill("on", "on") : pill("off")) : html`<span class="dim">not in this server</span>`,
    one.available && html`<${Act} least="admin" class="small" refused=${setError} aria-label=${`Switch ${one.enabled ? "off" : "on"} ${brief(one.name)}`} act=${turn(one)}>${one.enabled ? "Switch off" : "Switch on"}<//>`]);
  return card("Extensions", table("Extensions", ["Name", "Id", "State", ""], rows, "There is no extension."), alert(error));
}

function Stickers({ app, base, all }) {
  const [error, setError] = useState("");
  const add = async ({ file, ...values }) => {
    const form = new FormData();
    for (const [key, value] of Object.entries(values)) if (value) form.append(key, value);
    form.append("file", file);
    await call("POST", base + "/stickers", form);
    return reload;
  };
  const remove = async (one) => {
    const done = await confirm({
      title: ["Delete ", name(one.stickerName), "?"], submit: "Delete sticker", text: "It is no longer offered. Messages that show it keep it.",
      act: () => call("DELETE", `${base}/${path("stickers", one.id)}`),
    });
    return done && reload;
  };
  const rows = all.map((one) => [html`<span class="with-face"><img class="sticker small" src=${ownFile(app, one.stickerUrl)} alt="" />${name(one.stickerName)}</span>`, name(one.stickerSetName),
    html`<${Act} least="admin" class="small bad" refused=${setError} aria-label=${`Delete ${brief(one.stickerName)}`} act=${() => remove(one)}>Delete…<//>`]);
  return [card("Stickers of this app", dim("Beside those that come with the server."), table("Stickers", ["Name", "Set", ""], rows, "It has none of its own."), alert(error)),
    only("admin", card("New sticker", html`<${Form} kind="row" submit="Add sticker" act=${add}><${Field} title="Name" name="name" required maxlength="100" autocomplete="off" />
      <${Field} title="Set" name="set" maxlength="100" autocomplete="off" /><${Field} title="Picture" name="file" type="file" required accept="image/png,image/jpeg,image/gif,image/webp" /><//>`))];
}
