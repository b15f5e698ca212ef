// One app: its figures, how a client reaches it, and ending it.

import { call, path } from "../api.js";
import { only } from "../me.js";
import { brief, card, code, dim, facts, html, name, number, tiles, time } from "../ui/base.js";
import { Chart, steps } from "../ui/chart.js";
import { Copied, Snippet } from "../ui/copies.js";
import { confirm } from "../ui/dialogs.js";
import { Act } from "../ui/forms.js";
import { appFrame, inApp, to } from "../ui/frames.js";
import { clientCode } from "./apps.js";
import { failing } from "./webhooks.js";

/** Seconds that messages are counted together for. */
const QUARTER = 900;

export async function show(app) {
  const now = Math.floor(Date.now() / 1000);
  const [{ data: server }, { data: series }] = await Promise.all([call("GET", "overview"), call("GET", `series?${new URLSearchParams({ app: app.id, of: "messages", since: now - 24 * 3600 })}`)]);
  // By the quarter of an hour: a day of minutes is noise.
  const quarters = new Map();
  series.at.forEach((at, place) => quarters.set(at - (at % QUARTER), (quarters.get(at - (at % QUARTER)) ?? 0) + series.messages[place]));
  const [times, sent] = steps([...quarters.keys()], [[...quarters.values()]], QUARTER, now - 24 * 3600, now, 0);
  const lines = [{ name: "Messages", values: sent }];
  const remove = async () => {
    const done = await confirm({
      title: "Delete this app?", submit: "Delete app",
      // A name that cannot be typed, or nobody would, gives way to the id.
      type: brief(app.name) === app.name ? app.name.trim() : app.id,
      text: "Its keys and logins stop working at once, and its users, groups and messages are removed for good later on. There is no way back.",
      act: () => call("DELETE", path("apps", app.id)),
    });
    return done && to("#/");
  };
  return appFrame(app, "", [
    failing(app.failingWebhooks),
    tiles([["Users", number(app.users)], ["Online now", number(app.online)], ["Active in 24 h", number(app.activeInDay)],
      ["Groups", number(app.groups)], ["Messages in 24 h", number(app.messagesInDay)]]),
    card(null, html`<${Chart} title="Messages in each quarter of an hour, since yesterday" times=${times} lines=${lines} show=${number} />`),
    card("Connect a client", facts([["App id", html`<${Copied} text=${app.id} what="the app id" />`], ["Region", app.region],
      ["Host", code(server.clientHost)], ["Made", time(app.createdAt)]]),
    html`<${Snippet} title="Client code" text=${clientCode(server.clientHost, app.id, app.region, "AUTH_KEY")} />`,
    dim("AUTH_KEY is a key of scope authOnly. ", html`<a href=${inApp(app, "keys")}>Make one</a>`, " if yours is lost: keys are shown once.")),
    only("admin", card("Delete", dim("Ends everything of this app."), html`<${Act} class="bad" act=${remove}>Delete app…<//>`)),
  ]);
}
