// One user: the profile, whether logging in is allowed, and the logins there are.

import { call, path } from "../api.js";
import { alert, card, code, facts, focusHeading, html, json, name, plain, time, useRef, useState } from "../ui/base.js";
import { confirm } from "../ui/dialogs.js";
import { Act } from "../ui/forms.js";
import { appFrame } from "../ui/frames.js";
import { List } from "../ui/lists.js";
import { status } from "../ui/people.js";

export async function show(app, uid) {
  const base = path("apps", app.id, "users", uid);
  const { data } = await call("GET", base);
  return appFrame(app, "users", html`<${User} base=${base} first=${data} />`, name(data.name));
}

function User({ base, first }) {
  const [user, setUser] = useState(first);
  const [turn, setTurn] = useState(0);
  const [error, setError] = useState("");
  const about = useRef(null);
  const fill = (changed) => {
    setUser(changed);
    setTurn((old) => old + 1);
    focusHeading(about.current);
  };
  const deactivate = async () => {
    let changed;
    const done = await confirm({
      title: ["Deactivate ", name(user.name), "?"], submit: "Deactivate",
      text: "All devices are logged out at once, logging in is refused, and other users no longer see this user in lists. Messages stay. You can reactivate the user later.",
      act: async () => { changed = (await call("POST", base + "/deactivate")).data; },
    });
    if (done) fill(changed);
  };
  const reactivate = async () => fill((await call("POST", base + "/reactivate")).data);
  return html`${card("About", facts([["uid", code(user.uid)], ["Status", status(user)], ["Role", user.role], ["Made", time(user.createdAt)],
    ["Last active", time(user.lastActiveAt)], ["Deactivated", user.deactivatedAt && time(user.deactivatedAt)],
    ["Status message", user.statusMessage && name(user.statusMessage)], ["Avatar", user.avatar && code(user.avatar)], ["Link", user.link && code(user.link)],
    ["Tags", user.tags?.length ? name(user.tags.join(", ")) : null],
    ["Metadata", user.metadata && json("Metadata", user.metadata)]]),
  html`<div class="buttons" ref=${about}>${user.deactivatedAt
    ? html`<${Act} refused=${setError} act=${reactivate}>Reactivate<//>`
    : html`<button type="button" class="bad" onClick=${deactivate}>Deactivate…</button>`}</div>`, alert(error))}
  <${Logins} base=${base} turn=${turn} />`;
}

function Logins({ base, turn }) {
  const [ended, setEnded] = useState(0);
  const list = useRef(null);
  const end = async (id, what) => {
    const done = await confirm({
      title: "End this login?", submit: "End login", text: ["The device is logged out at once and its connection closes:", name(what)],
      act: () => call("DELETE", `${base}/${path("logins", String(id))}`),
    });
    if (!done) return;
    setEnded(ended + 1);
    list.current.querySelector("h2").focus();
  };
  const row = ({ id, login }) => {
    const what = [login.platform, login.deviceId].filter(Boolean).join(" · ") || "Unknown device";
    return [html`<div>${name(what)}${login.userAgent && html`<div class="hint">${name(login.userAgent)}</div>`}</div>`,
      time(login.createdAt), code("…" + login.authToken.replaceAll("*", "").slice(-4) + "…"),
      html`<button type="button" class="small bad" aria-label=${`End the login ${plain(what)}`} onClick=${() => end(id, what)}>End</button>`];
  };
  return html`<div ref=${list}>${card("Logins", html`<${List} title="Logins" empty="Nobody is logged in as this user." heads=${["Device", "Since", "Token", ""]}
    load=${(ask) => call("GET", `${base}/logins?${ask}`)} row=${row} turn=${turn * 1000 + ended} />`)}</div>`;
}
