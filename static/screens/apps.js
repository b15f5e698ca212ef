// The first page: the server's figures, its apps, and making one.

import { call } from "../api.js";
import { only } from "../me.js";
import { bytes, card, code, dim, html, name, number, table, tiles, time, useState } from "../ui/base.js";
import { Snippet, secrets } from "../ui/copies.js";
import { Field, Form } from "../ui/forms.js";
import { inApp, serverFrame } from "../ui/frames.js";
import { failing } from "./webhooks.js";

/** What points a client at this server. */
export function clientCode(host, appId, region, authKey) {
  const text = (value) => JSON.stringify(value);
  return `const settings = new CometChat.AppSettingsBuilder()
  .setRegion(${text(region)})
  .subscribePresenceForAllUsers()
  .autoEstablishSocketConnection(true)
  .overrideAdminHost(${text(host + "/v3")})
  .overrideClientHost(${text(host + "/v3")})
  .build();
await CometChat.init(${text(appId)}, settings);
await CometChat.login("some-uid", ${text(authKey)});`;
}

export async function show() {
  const { data } = await call("GET", "overview");
  return serverFrame("", "This server", html`<${Apps} first=${data} />`);
}

function Apps({ first }) {
  const [data, setData] = useState(first);
  const [fresh, setFresh] = useState(null);
  const make = async (values, node) => {
    const { data: app } = await call("POST", "apps", values);
    node.reset();
    setFresh({ ...app, name: values.name });
    setData((await call("GET", "overview")).data);
  };
  const rows = data.apps.map((app) => [
    html`<a href=${inApp(app)}>${name(app.name)}</a>`, code(app.id), number(app.users), number(app.groups), time(app.createdAt),
  ]);
  return html`${failing(data.failingWebhooks)}
    ${tiles([["Open connections", number(data.connections)], ["Messages so far", number(data.messages)],
    ["Database", bytes(data.databaseBytes)], ["Version", data.version]])}
    ${card("Apps", table("Apps", ["Name", "App id", "Users", "Groups", "Made"], rows, "There is no app yet. Make the first one below."))}
    ${only("admin", card("New app", dim("Apps share nothing: each has its own users, groups, messages and keys."),
    html`<${Form} kind="row" submit="Create app" act=${make}><${Field} title="Name" name="name" required maxlength="100" autocomplete="off" /><//>`))}
    ${fresh && secrets(["The keys of ", name(fresh.name)], [
    ["App id", fresh.appId], ["Region", fresh.region], ["Auth key", fresh.authKey], ["REST API key", fresh.apiKey],
  ], html`<${Snippet} title="Point a client at it" text=${clientCode(data.clientHost, fresh.appId, fresh.region, fresh.authKey)} />`,
  dim("The auth key logs users in and may be part of a client while you develop. The REST API key may do everything: keep it on your server."))}`;
}
