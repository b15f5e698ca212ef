// Whether the server is well, and its backups: made, downloaded, proved.

import { call, path } from "../api.js";
import { alert, bytes, card, dim, facts, html, json, name, number, pill, plain, table, time, useState } from "../ui/base.js";
import { look } from "../ui/dialogs.js";
import { Act } from "../ui/forms.js";
import { reload, serverFrame } from "../ui/frames.js";

export async function show() {
  const [{ data: backups }, { data: health }] = await Promise.all([call("GET", "backups"), call("GET", "health")]);
  return serverFrame("health", "Health and backups", html`<${Health} first=${health} /><${Backups} all=${backups} />`);
}

const VERDICTS = { ok: ["well", "on"], warn: ["look at this", ""], fail: ["fails", "off"] };

function Health({ first }) {
  const [health, setHealth] = useState(first);
  const [error, setError] = useState("");
  const [busy, setBusy] = useState("");
  const again = async () => setHealth((await call("GET", "health")).data);
  const through = async () => {
    setBusy("The database is being read through. With much in it this takes minutes…");
    try {
      const { data } = await call("POST", "integrity", {});
      await look(data.ok ? "The database is whole" : "The database is damaged", () => (data.ok ? html`<p>It was read from the beginning to the end, and all references lead somewhere.</p>`
        : json("What is wrong", { damage: data.damage, brokenReferences: data.brokenReferences })));
    } finally {
      setBusy("");
    }
  };
  const rows = health.findings.map((one) => [one.check, pill(...(VERDICTS[one.verdict] ?? [plain(one.verdict), "off"])), html`<div>${plain(one.says)}${one.advice && html`<div class="hint">${plain(one.advice)}</div>`}</div>`]);
  return card("Health", facts([["State", health.ready ? pill("ready", "on") : pill("not ready", "off")], ["Version", health.version], ["Schema", number(health.schema)],
    ["Running since", time(health.startedAt)]]), table("Health", ["What", "State", "Why"], rows, "Nothing was looked at."),
  html`<div class="buttons"><${Act} refused=${setError} act=${again}>Look again<//>
    <${Act} least="admin" refused=${setError} act=${through}>Read the database through<//></div>`, html`<p role="status" class="dim">${busy}</p>`, alert(error));
}

const COUNTED = { apps: "Apps", users: "Users", groups: "Groups", conversations: "Conversations", messages: "Messages", files: "Files" };

/** What is in a backup. */
function contents(made) {
  return facts([["Name", name(made.name)], ["Size", bytes(made.size)], ["Made", made.madeAt && time(made.madeAt)], ["Schema", made.schema && number(made.schema)],
    ...Object.entries(made.counts ?? {}).map(([key, count]) => [COUNTED[key] ?? key, number(count)])]);
}

function Backups({ all }) {
  const [error, setError] = useState("");
  const [busy, setBusy] = useState("");
  const doing = (what, act) => async () => {
    setBusy(what);
    try {
      return await act();
    } finally {
      setBusy("");
    }
  };
  const make = doing("The backup is being made…", async () => {
    const { data } = await call("POST", "backups", {});
    await look("The backup is made", () => contents(data));
    return reload;
  });
  const check = (one) => doing("The backup is being read through…", async () => {
    const { data } = await call("POST", path("backups", one.name, "check"), {});
    await look("The backup is whole", () => [html`<p>It was read through, and the database in it opens.</p>`, contents(data)]);
  });
  const rows = all.map((one) => [name(one.name), bytes(one.size), html`<div class="buttons tight">
      <${Act} least="admin" class="small" refused=${setError} aria-label=${`Check ${one.name}`} act=${check(one)}>Check<//>
      <${Act} least="owner" class="small" refused=${setError} aria-label=${`Download ${one.name}`} act=${() => download(one.name)}>Download<//></div>`]);
  return card("Backups", dim("One holds all apps, their files, keys and admins. Restore it with ", html`<code>hobnob restore</code>`, "."),
    table("Backups", ["Name", "Size", ""], rows, "There is no backup yet."),
    html`<div class="buttons"><${Act} least="admin" class="main" refused=${setError} act=${make}>Make a backup now<//></div>`,
    html`<p role="status" class="dim">${busy}</p>`, alert(error));
}

/** The session goes in a header, which no link has: one that works once leads to the file, and the browser saves it as it comes. */
async function download(title) {
  const { data } = await call("POST", path("backups", title, "link"), {});
  Object.assign(document.createElement("a"), { href: "api/" + data.path, download: title }).click();
}
