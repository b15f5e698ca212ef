// Who did what.

import { call } from "../api.js";
import { block, card, code, html, name, time } from "../ui/base.js";
import { serverFrame } from "../ui/frames.js";
import { List } from "../ui/lists.js";

export async function show() {
  const { data } = await call("GET", "overview");
  const apps = new Map(data.apps.map((app) => [app.id, app.name]));
  const row = (one) => [time(one.at), name(one.actor), html`<span class="short">${code(one.act)}</span>`, one.app ? name(apps.get(one.app) ?? one.app) : "", html`<span>${one.target && code(one.target)}${one.other ? html` as ${code(one.other)}` : ""}</span>`,
    one.details || one.counts ? html`<details><summary>Details</summary>${block("Details", JSON.stringify(one.details ?? one.counts, null, 2))}</details>` : ""];
  return serverFrame("audit", "Audit log", card(null, html`<${List} title="Audit log" heads=${["When", "Who", "What", "App", "To whom or what", "Details"]}
    filters=${[{ name: "app", title: "App", options: [["", "All"], ...data.apps.map((app) => [app.id, app.name])] }]}
    empty="Nothing has been noted yet." perPage=${50} load=${(asked) => call("GET", `audit?${asked}`)} row=${row} />`));
}
