// Forms: labelled fields, and a form that acts once at a time and tells its refusal beside its button.

import { may } from "../me.js";
import { alert, brief, html, useRef, useState } from "./base.js";

let ids = 0;

function useId() {
  const id = useRef(null);
  id.current ??= `field-${(ids += 1)}`;
  return id.current;
}

function Labelled({ title, hint, children }) {
  const id = useId();
  return html`<div class="field"><label for=${id}>${title}</label>${children(id, hint && id + "-hint")}${hint && html`<p class="hint" id=${id + "-hint"}>${hint}</p>`}</div>`;
}

/** A labelled input; `hint` stands below it. `value` is what stands there first. */
export function Field({ title, hint, value, ...attributes }) {
  return html`<${Labelled} title=${title} hint=${hint}>${(id, about) =>
    html`<input id=${id} aria-describedby=${about} defaultValue=${value ?? ""} ...${attributes} />`}<//>`;
}

/** The same over several lines. */
export function Area({ title, hint, value, ...attributes }) {
  return html`<${Labelled} title=${title} hint=${hint}>${(id, about) =>
    html`<textarea id=${id} aria-describedby=${about} defaultValue=${value ?? ""} rows="4" ...${attributes}></textarea>`}<//>`;
}

/** A labelled choice among `[value, text]`. */
export function Choice({ title, hint, value, options, ...attributes }) {
  return html`<${Labelled} title=${title} hint=${hint}>${(id, about) => html`<select id=${id} aria-describedby=${about} ...${attributes}>
    ${options.map(([one, text]) => html`<option value=${one} selected=${one === value}>${brief(text)}</option>`)}</select>`}<//>`;
}

/** A box to tick, with its text beside it; `hint` stands below. */
export function Check({ title, hint, checked, ...attributes }) {
  const id = useId();
  return html`<div class="check"><input id=${id} type="checkbox" aria-describedby=${hint && id + "-hint"} defaultChecked=${!!checked} ...${attributes} />
    <label for=${id}>${title}</label>${hint && html`<p class="hint" id=${id + "-hint"}>${hint}</p>`}</div>`;
}

/** Fields or boxes that belong together. */
export function boxes(title, checks) {
  return html`<fieldset><legend>${title}</legend><div class="checks">${checks}</div></fieldset>`;
}

/** Which screen is shown; what is looked for in it does not matter. */
export const place = () => location.hash.split("?")[0];

/** Acts, and does what comes next (a function that `act` gives back) unless somebody went elsewhere meanwhile. */
async function through(act) {
  const from = place();
  const said = await act();
  if (typeof said === "function" && place() === from) said();
  return said;
}

/**
 * A form that shows its refusal next to its button and acts once at a time. `act` gets the values and the form; a text it
 * gives back is told as done, a function (`reload`, `to`) is what comes next. `more` are further buttons. `least`: the role it takes; without it, it is
 * not there. `readonly`: it is only looked at.
 */
export function Form({ least, readonly = false, submit, act, kind = "", danger = false, more = null, children, ...attributes }) {
  const [error, setError] = useState("");
  const [done, setDone] = useState("");
  const [busy, setBusy] = useState(false);
  const running = useRef(false);
  const onSubmit = async (event) => {
    event.preventDefault();
    if (running.current) return;
    running.current = true;
    const node = event.currentTarget;
    setBusy(true);
    setError("");
    setDone("");
    try {
      const said = await through(() => act(Object.fromEntries(new FormData(node)), node));
      if (typeof said === "string") setDone(said);
    } catch (refusal) {
      setError(refusal.message);
    }
    running.current = false;
    setBusy(false);
  };
  if (least && !may(least)) return null;
  // Not `disabled`, which would throw the focus away.
  return html`<form class=${kind} onSubmit=${onSubmit} ...${attributes}>${readonly ? html`<fieldset class="bare" disabled>${children}</fieldset>` : children}
    ${!readonly && html`<div class="buttons"><button class=${danger ? "main bad" : "main"} aria-disabled=${busy ? "true" : null}>${submit}</button>${more}</div>`}
    ${alert(error)}<div role="status" class="outcome">${done && html`<p class="notice">${done}</p>`}</div></form>`;
}

/** A button that acts at once, and tells what was refused to `refused`; `act` may give back what comes next. `least`: the role it takes. */
export function Act({ least, act, refused, class: kind = "", children, ...attributes }) {
  const running = useRef(false);
  const onClick = async (event) => {
    if (running.current) return;
    running.current = true;
    refused?.("");
    try {
      const button = event.currentTarget;
      await through(() => act(button));
    } catch (refusal) {
      if (refused) refused(refusal.message);
      else throw refusal;
    }
    running.current = false;
  };
  if (least && !may(least)) return null;
  return html`<button type="button" class=${kind} onClick=${onClick} ...${attributes}>${children}</button>`;
}

/** What stands in a field for JSON, as an object; nothing where it is empty. Throws what people can read. */
export function readJson(title, text) {
  if (!text.trim()) return null;
  let value;
  try {
    value = JSON.parse(text);
  } catch (wrong) {
    throw new Error(`${title} is not JSON: ${wrong.message}`);
  }
  if (value === null || typeof value !== "object" || Array.isArray(value)) throw new Error(`${title} must be an object: { … }`);
  return value;
}

/** Words between commas, as a list. */
export const words = (text) => text.split(",").map((word) => word.trim()).filter(Boolean);
