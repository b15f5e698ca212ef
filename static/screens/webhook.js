// One webhook: its state, what became of each event, telling them again, and changing it.

import { call, path } from "../api.js";
import { alert, block, brief, card, code, dim, facts, html, json, name, number, pill, table, time, useEffect, useRef, useState } from "../ui/base.js";
import { once } from "../ui/copies.js";
import { confirm, look } from "../ui/dialogs.js";
import { Act, Choice, Field, Form } from "../ui/forms.js";
import { appFrame, inApp, to } from "../ui/frames.js";
import { SHOWN_ONCE, chosenTriggers, hookFields, many, readHook, status, triggerBoxes } from "./webhooks.js";

export async function show(app, id) {
  const base = path("apps", app.id);
  const hookPath = base + "/" + path("webhooks", id);
  const [{ data: first }, { data: all }, { data: told }] = await Promise.all([
    call("GET", hookPath), call("GET", base + "/triggers"), call("GET", hookPath + "/triggers?perPage=1000")]);
  return appFrame(app, "webhooks", html`<${Webhook} app=${app} hookPath=${hookPath} first=${first} all=${all} told=${told} />`, name(first.name));
}

function Webhook({ app, hookPath, first, all, told }) {
  const [hook, setHook] = useState(first);
  const [error, setError] = useState("");
  const [outcome, setOutcome] = useState(null);
  const [fresh, setFresh] = useState(null);
  const about = useRef(null);
  const has = useRef(null);
  has.current ??= new Set(told.map((trigger) => trigger.id));
  const again = async () => setHook((await call("GET", hookPath)).data);

  const test = async () => {
    setOutcome(dim("It is being sent…"));
    try {
      const { data } = await call("POST", hookPath + "/test", {});
      const what = data.success ? "The test arrived" : data.status ? "The test was refused" : "The test did not arrive";
      setOutcome(html`<p class=${data.success ? "notice" : "error"}>${`${what}: ${[data.status && `status ${data.status}`, `${number(data.took)} ms`].filter(Boolean).join(", ")}.`}</p>
        ${data.answer && block("Answer", data.answer)}`);
    } catch (refusal) {
      setOutcome(null);
      throw refusal;
    }
  };
  const toggle = async () => {
    await call("PUT", hookPath, { enabled: !hook.enabled });
    await again();
    about.current.querySelector("h2").focus();
  };
  const rotate = async () => {
    let made;
    const done = await confirm({
      title: "Make a new secret?", submit: "Make a new secret",
      text: "For 24 hours what is sent is signed by both, so that the receiver can be changed meanwhile. Then the old one is over.",
      act: async () => { made = (await call("POST", hookPath + "/secret", {})).data; },
    });
    if (done) setFresh(made);
  };
  const remove = async () => {
    const done = await confirm({
      title: ["Delete ", name(hook.name), "?"], submit: "Delete webhook",
      text: "Nothing is told there any more, and its log goes. Events that wait for it are lost.",
      act: () => call("DELETE", hookPath),
    });
    return done && to(inApp(app, "webhooks"));
  };
  const change = async (values, node) => {
    await call("PUT", hookPath, readHook(values));
    await again();
    node.elements.password.value = "";
    return "It is saved.";
  };
  const subscribe = async (values) => {
    const wanted = new Set(chosenTriggers(values));
    const add = [...wanted].filter((one) => !has.current.has(one));
    const drop = [...has.current].filter((one) => !wanted.has(one));
    if (add.length) await call("POST", hookPath + "/triggers", { triggerIds: add });
    if (drop.length) await call("DELETE", hookPath + "/triggers", { triggerIds: drop });
    has.current = wanted;
    return `It is told of ${number(wanted.size)} ${wanted.size === 1 ? "trigger" : "triggers"}.`;
  };

  return html`${fresh && once("The new secret", SHOWN_ONCE, [["Signing secret", fresh.signingSecret]],
    dim("The old one signs beside it until ", time(fresh.oldSecretUntil), "."))}
    <div ref=${about}>${card("About", facts([["Name", name(hook.name)], ["Id", code(hook.id)], ["Address", code(hook.webhookURL)], ["State", status(hook)],
    ["Why", hook.disabledBecause && name(hook.disabledBecause)],
    ["Failing since", hook.failingSince && time(hook.failingSince)],
    ["Basic auth", hook.useBasicAuth ? name(hook.username) : "no"], ["Tries again", hook.retryOnFailure ? "for a day" : "no"],
    ["Waiting events", many(hook.waitingEvents)], ["Failed events", many(hook.failedEvents)],
    ["Dropped events", number(hook.droppedEvents)], ["Made", time(hook.createdAt)], ["Changed", time(hook.updatedAt)]]),
  html`<div class="buttons">
      <${Act} refused=${setError} act=${test}>Send a test<//>
      <${Act} refused=${setError} act=${toggle}>${hook.enabled ? "Switch off" : "Switch on"}<//>
      <button type="button" onClick=${rotate}>New secret…</button>
      <${Act} class="bad" act=${remove}>Delete…<//></div>`, alert(error), html`<div role="status">${outcome}</div>`)}</div>
    <${Log} hookPath=${hookPath} onChange=${again} />
    ${card("What it is told of", html`<${Form} kind="wide" submit="Save triggers" act=${subscribe}>${triggerBoxes(all, has.current)}<//>`)}
    ${card("Change", html`<${Form} submit="Save" act=${change}>${hookFields(first)}<//>`)}`;
}

const STATES = { delivered: "on", waiting: "", failed: "off" };

/** What became of events there. */
function Log({ hookPath, onChange }) {
  const [shown, setShown] = useState({ rows: [], next: null, state: "" });
  const [error, setError] = useState("");
  const [told, tell] = useState("");
  const state = useRef("");
  const turn = useRef(0);

  const fill = async (from) => {
    const mine = (turn.current += 1);
    setError("");
    const ask = new URLSearchParams({ limit: 25 });
    if (state.current) ask.set("state", state.current);
    if (from) ask.set("id", from);
    try {
      const { data, meta } = await call("GET", `${hookPath}/deliveries?${ask}`);
      if (mine !== turn.current) return;
      setShown((old) => ({ rows: from ? [...old.rows, ...data] : data, next: meta.next?.id, state: state.current }));
    } catch (refusal) {
      setError(refusal.message);
    }
  };
  useEffect(() => void fill(), []);

  const details = async (id) => {
    const { data } = await call("GET", `${hookPath}/${path("deliveries", id)}`);
    await look(["Event ", code(data.eventId)], (close, refused) => {
      const replay = async () => {
        await call("POST", `${hookPath}/${path("deliveries", id)}/replay`, {});
        close();
        tell("It is sent once more.");
        await Promise.all([fill(), onChange()]);
      };
      return html`${facts([["Trigger", code(data.trigger)], ["State", pill(data.state, STATES[data.state])], ["Happened", time(data.createdAt)],
        ["First tried", data.firstTriedAt && time(data.firstTriedAt)], ["Tried", data.triedAt && time(data.triedAt)],
        ["Next try", data.nextTryAt && time(data.nextTryAt)], ["Tries", number(data.tries)],
        ["Status", data.status ?? (data.tries ? "no answer" : null)], ["Took", data.took != null && `${number(data.took)} ms`],
        ["Answer", data.answer && block("Answer", data.answer)]])}
        <h3>Body</h3>${json("Body", data.body)}<${Act} class="main" act=${replay} refused=${refused}>Send again<//>`;
    });
  };
  /** A call does as much as one may; the rest is asked for again. */
  const replay = async (which) => {
    let sent = 0;
    let after;
    do {
      const { data } = await call("POST", hookPath + "/replay", after ? { ...which, after } : which);
      sent += data.replayed;
      after = data.after;
      tell(`${number(sent)} are sent once more.`);
    } while (after);
    await Promise.all([fill(), onChange()]);
  };
  const seconds = (text) => Math.floor(new Date(text).getTime() / 1000);
  const choose = (event) => {
    state.current = event.target.value;
    fill();
  };
  const rows = shown.rows.map((one) => [
    time(one.createdAt), code(one.trigger), pill(one.state, STATES[one.state]), number(one.tries),
    one.status ? `${one.status}, ${number(one.took)} ms` : one.tries ? "none" : "",
    html`<${Act} class="small" aria-label=${`Details of ${brief(one.eventId)}`} refused=${setError} act=${() => details(one.id)}>Details<//>`,
  ]);
  return card("Deliveries",
    html`<form class="row" role="search" aria-label="Deliveries" onSubmit=${(event) => { event.preventDefault(); fill(); }}>
      <${Choice} title="Show" name="state" onChange=${choose} options=${[["", "All"], ["delivered", "Delivered"], ["waiting", "Waiting"], ["failed", "Failed"]]} />
      <button>Refresh</button><p class="dim" role="status">${told}</p></form>`,
    table("Deliveries", ["Event", "Trigger", "State", "Tries", "Answer", ""], rows, shown.state ? "Nothing is in this state." : "Nothing has been told yet."),
    alert(error),
    html`<div class="buttons">${shown.next && html`<${Act} refused=${setError} act=${() => fill(shown.next)}>Older<//>`}
      <${Act} refused=${setError} act=${() => replay({ state: "failed" })}>Send all failed again<//></div>
      <h3>Send the events of a time again</h3>
      <${Form} kind="row" submit="Send again" act=${({ from, to }) => replay({ from: seconds(from), to: seconds(to) })}>
        <${Field} title="From" name="from" type="datetime-local" required step="1" /><${Field} title="To" name="to" type="datetime-local" required step="1" /><//>`);
}
