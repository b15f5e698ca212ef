// The first page: the server's figures, its apps, and making one.

import { call, path } from "./api.js";
import { bytes, card, code, dim, el, field, form, name, number, secrets, snippet, table, tiles, time } from "./ui.js";
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

export async function showApps() {
  const body = el("div");
  const fresh = el("div");
  const fill = async () => {
    const { data } = await call("GET", "overview");
    const rows = data.apps.map((app) => [
      el("a", { href: "#/" + path("app", app.id) }, name(app.name)), code(app.id), number(app.users), number(app.groups), time(app.createdAt),
    ]);
    body.replaceChildren(...[
      failing(data.failingWebhooks),
      tiles([["Open connections", number(data.connections)], ["Messages so far", number(data.messages)],
        ["Database", bytes(data.databaseBytes)], ["Version", data.version]]),
      card("Apps", table("Apps", ["Name", "App id", "Users", "Groups", "Made"], rows, "There is no app yet. Make the first one below."))].filter(Boolean));
    return data;
  };
  await fill();
  const make = form({
    kind: "row", submit: "Create app",
    fields: [field("Name", { name: "name", required: true, maxlength: 100, autocomplete: "off" })],
    act: async (values, node) => {
      const { data: app } = await call("POST", "apps", values);
      node.reset();
      const { clientHost } = await fill();
      fresh.replaceChildren(secrets(["The keys of ", name(values.name)], [
        ["App id", app.appId], ["Region", app.region], ["Auth key", app.authKey], ["REST API key", app.apiKey],
      ], snippet("Point a client at it", clientCode(clientHost, app.appId, app.region, app.authKey)),
      dim("The auth key logs users in and may be part of a client while you develop. The REST API key may do everything: keep it on your server.")));
      fresh.querySelector("h2").focus();
    },
  });
  return [el("h1", { tabindex: "-1" }, "This server"), body, card("New app", dim("Apps share nothing: each has its own users, groups, messages and keys."), make), fresh];
}
