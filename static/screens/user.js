// One user: the profile and changing it, logins, friends, who is blocked, and the four ways of going.

import { call, path, rest } from "../api.js";
import { may } from "../me.js";
import { alert, brief, bytes, card, code, facts, focusHeading, html, json, name, number, table, time, useRef, useState } from "../ui/base.js";
import { ask, confirm } from "../ui/dialogs.js";
import { Act, Choice, Form } from "../ui/forms.js";
import { appFrame, inApp, reload, to, userLink } from "../ui/frames.js";
import { List } from "../ui/lists.js";
import { UserField, face, link, status } from "../ui/people.js";
import { profileFields, readProfile, roleChoices } from "./users.js";

export async function show(app, uid) {
  const base = path("apps", app.id, "users", uid);
  const { data } = await call("GET", base);
  return appFrame(app, "users", html`<${User} app=${app} base=${base} first=${data} />`, html`${face(data)}${name(data.name)}`);
}

function User({ app, base, first }) {
  const [user, setUser] = useState(first);
  const [turn, setTurn] = useState(0);
  const [error, setError] = useState("");
  const about = useRef(null);
  const own = path("users", user.uid);
  const fill = (changed) => {
    setUser(changed);
    setTurn((old) => old + 1);
    focusHeading(about.current);
  };
  const edit = async () => {
    const roles = await roleChoices(app);
    const done = await ask({
      title: ["Edit ", name(user.name)], submit: "Save", fields: profileFields(roles, user),
      act: (values) => rest(app, "PUT", own, readProfile(values, user)),
    });
    return done && reload;
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
  const remove = async () => {
    return (await askDelete(app, user)) && to(inApp(app, "users"));
  };
  return html`${card("About", facts([["uid", code(user.uid)], ["Status", status(user)], ["Role", user.role], ["Made", time(user.createdAt)],
    ["Last active", time(user.lastActiveAt)], ["Deactivated", user.deactivatedAt && time(user.deactivatedAt)],
    ["Status message", user.statusMessage && name(user.statusMessage)], ["Avatar", user.avatar && link(user.avatar)], ["Link", user.link && link(user.link)],
    ["Tags", user.tags?.length ? name(user.tags.join(", ")) : null],
    ["Metadata", user.metadata && json("Metadata", user.metadata)]]),
  html`<div class="buttons" ref=${about}>
    ${!user.deactivatedAt && may("moderator") && html`<a class="button" href=${inApp(app, "conversations", "of", user.uid)}>Conversations</a>`}
    ${user.deactivatedAt ? html`<${Act} least="moderator" refused=${setError} act=${reactivate}>Reactivate<//>` : html`
      <${Act} least="admin" refused=${setError} act=${edit}>Edit…<//>
      <${Act} least="moderator" class="bad" act=${deactivate}>Deactivate…<//>`}
    <${Act} least="admin" class="bad" act=${remove}>Delete…<//></div>`, alert(error))}
  <${Logins} base=${base} turn=${turn} />
  ${!user.deactivatedAt && html`<${Others} app=${app} title="Friends" empty="No friends." address=${own + "/friends"}
      added=${(uid) => ({ accepted: [uid] })} removed=${(uid) => ({ friends: [uid] })} submit="Add friend" word="Remove" />
    <${Others} app=${app} title="Blocked" empty="They block nobody." address=${own + "/blockedusers"} query="&direction=blockedByMe"
      added=${(uid) => ({ blockedUids: [uid] })} removed=${(uid) => ({ blockedUids: [uid] })} submit="Block user" word="Unblock" />`}`;
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
      html`<${Act} least="moderator" class="small bad" aria-label=${`End the login ${brief(what)}`} act=${() => end(id, what)}>End<//>`];
  };
  return html`<div ref=${list}>${card("Logins", html`<${List} title="Logins" empty="Nobody is logged in as this user." heads=${["Device", "Since", "Token", ""]}
    load=${(asked) => call("GET", `${base}/logins?${asked}`)} row=${row} turn=${turn * 1000 + ended} />`)}</div>`;
}

/** A list of other users that hang on this one, with a form that adds and a button that takes away. */
function Others({ app, title, empty, address, query = "", added, removed, submit, word }) {
  const [turn, setTurn] = useState(0);
  const [error, setError] = useState("");
  const list = useRef(null);
  const add = async (values, node) => {
    const uid = values.uid.trim();
    const { data } = await rest(app, "POST", address, added(uid));
    // Who could not be added is named in an answer that is a 200.
    const outcome = data.accepted?.[uid] ?? data[uid];
    if (outcome?.success === false) throw new Error(outcome.message ?? outcome.error?.message ?? "This was not done.");
    node.reset();
    setTurn((old) => old + 1);
  };
  const remove = async (uid) => {
    await rest(app, "DELETE", address, removed(uid));
    setTurn((old) => old + 1);
    list.current.querySelector("h2").focus();
  };
  return html`<div ref=${list}>${card(title,
    html`<${List} title=${title} empty=${empty} heads=${["Name", "uid", ""]} turn=${turn}
      load=${(asked) => rest(app, "GET", `${address}?${asked}${query}`)}
      row=${(other) => [userLink(app, other), code(other.uid),
    html`<${Act} least="admin" class="small" aria-label=${`${word} ${brief(other.name)}`} refused=${setError} act=${() => remove(other.uid)}>${word}<//>`]} />`,
    alert(error), html`<${Form} least="admin" kind="row" submit=${submit} act=${add}><${UserField} app=${app} /><//>`)}</div>`;
}

const KINDS = [["soft", "Soft: hide them, keep everything"], ["anonymise", "Anonymise: keep what they wrote, forget who it was"], ["erase", "Erase: remove them and what they wrote"]];
const COUNTED = {
  messages: "Messages", messagesToThem: "Messages to them", conversations: "Conversations", memberships: "Places in groups", ownedGroups: "Groups they own",
  files: "Files", fileBytes: "Size of files", reactions: "Reactions", receipts: "Receipts", votes: "Votes", flags: "Flags", calls: "Calls", interactions: "Interactions",
  friends: "Friendships", blocks: "Blocks", mentions: "Mentions", saved: "Saved messages", reminders: "Reminders", logins: "Logins", pushTokens: "Push tokens",
};

/** Asks how they shall go, with a count of what it would touch. Whether it was done. */
async function askDelete(app, user) {
  const own = path("users", user.uid);
  const kind = await ask({
    title: ["Delete ", name(user.name), "?"], submit: "Count what it would touch",
    fields: html`<p>Nothing is done yet: the next step shows what would go.</p>
      <${Choice} title="How" name="kind" options=${user.deactivatedAt ? KINDS.slice(1) : KINDS} />`,
    act: async ({ kind: wanted }) => ({ wanted, ...(await rest(app, "DELETE", own, { kind: wanted, dryRun: true })).data }),
  });
  if (!kind) return false;
  const counts = Object.entries(kind.counts ?? {}).filter(([, count]) => count)
    .map(([key, count]) => [COUNTED[key] ?? key, key === "fileBytes" ? bytes(count) : number(count)]);
  return confirm({
    title: [KINDS.find(([key]) => key === kind.wanted)[1].split(":")[0], " ", name(user.name), "?"], submit: "Delete user", type: user.uid,
    text: [table("What it touches", ["What", "How many"], counts, "It touches nothing but the user themselves."),
      kind.wanted === "soft" ? "They cannot log in, and no list shows them." : "There is no way back."],
    act: () => rest(app, "DELETE", own, { kind: kind.wanted }),
  });
}
