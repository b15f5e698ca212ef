// The live tail: what happens on the server as it happens, narrowed, held, opened and copied.

import { call, path, session } from "../api.js";
import { may } from "../me.js";
import { alert, card, dim, html, json, number, plain, useEffect, useRef, useState } from "../ui/base.js";
import { Snippet } from "../ui/copies.js";
import { Check, Choice, Field } from "../ui/forms.js";
import { serverFrame } from "../ui/frames.js";

/** Entries that are kept in the page, and shown of them. */
const MOST = 2000;
const SHOWN = 300;

const KINDS = [["", "Everything"], ["request", "Calls"], ["frameIn", "Frames from clients"], ["frameOut", "Frames to clients"], ["event", "Events"], ["webhook", "Webhooks"], ["engine", "Moderation engines"], ["slow", "Slow reads and writes"]];
const STATUSES = [["", "Any status"], ["failed", "Only what failed"], ["2", "2xx"], ["4", "4xx"], ["5", "5xx"]];
const WORDS = { request: "call", frameIn: "in", frameOut: "out", event: "event", webhook: "webhook", engine: "engine", slow: "slow" };

export async function show() {
  const { data } = await call("GET", "overview");
  return serverFrame("tail", "Live", html`<${Tail} apps=${data.apps} />`);
}

/** What the form asks for, as the server takes it. */
function asked(form) {
  const { app, kind, user, group, status, texts } = form;
  const only = (value) => value.trim() || undefined;
  return {
    app: only(app), user: only(user), group: only(group), kinds: kind ? [kind] : undefined, texts,
    status: status && status !== "failed" ? status : undefined, failed: status === "failed",
  };
}

function Tail({ apps }) {
  const [form, setForm] = useState({ app: "", kind: "", user: "", group: "", status: "", texts: false });
  const [entries, setEntries] = useState([]);
  const [lost, setLost] = useState(0);
  const [error, setError] = useState("");
  const [held, setHeld] = useState(false);
  const isHeld = useRef(false);
  const waiting = useRef([]);
  const typing = useRef(0);
  isHeld.current = held;
  useEffect(() => {
    let over = false;
    let id = "";
    const follow = async () => {
      try {
        id = (await call("POST", "tail", asked(form))).data.id;
        setError("");
        while (!over) {
          const { data } = await call("GET", path("tail", id));
          if (over) break;
          if (data.lost) setLost((before) => before + data.lost);
          // What came while it was held is shown when it goes on, as far as there is room for it.
          waiting.current = [...waiting.current, ...data.entries].slice(-MOST);
          if (!isHeld.current && waiting.current.length) {
            const came = waiting.current.splice(0);
            setEntries((old) => [...old, ...came].slice(-MOST));
          }
        }
      } catch (refusal) {
        if (over) return;
        setError(refusal.message);
        // A server that starts anew knows no tail; one that is full has room later.
        if (session.get() && ["ERR_FILE_NOT_FOUND", "ERR_BUSY", undefined].includes(refusal.code)) setTimeout(() => over || follow(), 3000);
      }
    };
    follow();
    return () => {
      over = true;
      if (id && session.get()) call("DELETE", path("tail", id)).catch(() => {});
    };
  }, [form]);
  useEffect(() => {
    if (held || !waiting.current.length) return;
    const came = waiting.current.splice(0);
    setEntries((old) => [...old, ...came].slice(-MOST));
  }, [held]);
  const narrow = (event) => {
    const fields = new FormData(event.currentTarget);
    const wanted = Object.fromEntries(Object.keys(form).map((key) => [key, fields.get(key) ?? ""]));
    wanted.texts = fields.get("texts") != null;
    clearTimeout(typing.current);
    typing.current = setTimeout(() => JSON.stringify(wanted) !== JSON.stringify(form) && setForm(wanted), 300);
  };
  const save = () => {
    const lines = entries.map((entry) => JSON.stringify(entry) + "\n");
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob(lines, { type: "application/x-ndjson" }));
    link.download = "tail.jsonl";
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  };
  const shown = entries.slice(-SHOWN).reverse();
  return card("What happens", html`<form class="row" role="search" aria-label="Live" onInput=${narrow} onSubmit=${(event) => event.preventDefault()}>
      <${Choice} title="App" name="app" value="" options=${[["", "All"], ...apps.map((app) => [app.id, app.name])]} />
      <${Choice} title="Kind" name="kind" value="" options=${KINDS} />
      <${Choice} title="Status" name="status" value="" options=${STATUSES} />
      <${Field} title="User" name="user" autocomplete="off" spellcheck="false" placeholder="uid" />
      <${Field} title="Group" name="group" autocomplete="off" spellcheck="false" placeholder="guid" />
      <${Check} title="With what people write (noted in the audit log)" name="texts" /></form>`,
  html`<div class="buttons"><button type="button" aria-pressed=${held} onClick=${() => setHeld(!held)}>${held ? "Go on" : "Hold"}</button>
      <button type="button" disabled=${!entries.length} onClick=${() => setEntries([])}>Clear</button>
      <button type="button" disabled=${!entries.length} onClick=${save}>Save as JSON lines</button>
      <p class="dim" role="status">${number(entries.length)} seen${lost ? `, ${number(lost)} lost: more happens than is read here` : ""}${held ? ", held" : ""}</p></div>`,
  alert(error),
  html`<div class="lines tail" tabindex="0" role="region" aria-label="What happens">${shown.length
    ? html`<ol>${shown.map((entry) => html`<${Entry} key=${entry.id + "/" + entry.at} entry=${entry} apps=${apps} />`)}</ol>`
    : html`<p class="empty">Nothing yet. What happens from now on is shown here, the newest first.</p>`}</div>`,
  entries.length > SHOWN && dim(`The newest ${SHOWN} are shown; all are saved.`));
}

const clock = (at) => new Date(at).toISOString().slice(11, 23);

function Entry({ entry, apps }) {
  const [open, setOpen] = useState(false);
  const { kind, title, status, failed, users, group, facts } = entry;
  const took = facts.seconds == null ? "" : `${(facts.seconds * 1000).toFixed(1)} ms`;
  return html`<li class=${failed ? "error" : kind === "slow" ? "warn" : ""}>
    <button type="button" class="entry" aria-expanded=${open} onClick=${() => setOpen(!open)}>
      <time>${clock(entry.at)}</time> <span class=${"kind kind-" + kind}>${WORDS[kind] ?? kind}</span> <span class="status">${status ?? ""}</span>
      <span class="what">${plain(title)}</span> <span class="dim">${[users.map(plain).join(" › "), group && `group ${plain(group)}`, plain(facts.code ?? facts.failure ?? "").replace("(blank)", ""), took].filter(Boolean).join(" · ")}</span></button>
    ${open && html`<${More} entry=${entry} apps=${apps} />`}</li>`;
}

function More({ entry, apps }) {
  const app = apps.find((one) => one.id === entry.app);
  const links = app ? [
    ...entry.users.map((uid) => [`User ${plain(uid)}`, path("app", app.id, "users", uid)]),
    ...(entry.group ? [[`Group ${plain(entry.group)}`, path("app", app.id, "groups", entry.group)]] : []),
    ...conversation(app, entry),
  ] : [];
  return html`<div class="more">${links.length > 0 && html`<p class="buttons">${links.map(([text, to]) => html`<a href=${"#/" + to}>${text}</a>`)}</p>`}
    ${entry.kind === "request" && html`<${Snippet} title="As curl" text=${curl(entry)} />`}
    ${json("All of it", entry)}</div>`;
}

/** Where the message is that something is about. */
function conversation(app, { bodies }) {
  const id = bodies.answer?.data?.conversationId ?? bodies.frame?.body?.conversationId ?? bodies.body?.conversationId;
  return may("moderator") && typeof id === "string" ? [["Conversation", path("app", app.id, "conversations", "id", id)]] : [];
}

const quoted = (text) => `'${String(text).replaceAll("'", `'\\''`)}'`;

/** The call again, with the credential left to who makes it. */
function curl({ facts, app, bodies }) {
  const query = Object.entries(bodies.query ?? {}).map(([key, value]) => `${encodeURIComponent(key)}=${encodeURIComponent(value)}`).join("&");
  const address = new URL((facts.path.startsWith("/v3") || facts.path.startsWith("/admin") ? "" : "/v3") + facts.path + (query && "?" + query), location.origin);
  const head = (name, value) => ` \\\n  -H ${quoted(`${name}: ${value}`)}`;
  const credential = { authToken: ` \\\n  -H "authToken: $AUTH_TOKEN"`, apiKey: ` \\\n  -H "apiKey: $API_KEY"`, "x-hobnob-admin": ` \\\n  -H "X-Hobnob-Admin: $SESSION"` }[facts.credential] ?? "";
  const behalf = facts.onBehalfOf ? head("onBehalfOf", facts.onBehalfOf) : "";
  const body = bodies.body == null ? "" : head("Content-Type", "application/json") + ` \\\n  -d ${quoted(JSON.stringify(bodies.body))}`;
  return `curl -X ${facts.method} ${quoted(address.href)}${app ? head("appId", app) : ""}${credential}${behalf}${body}`;
}
