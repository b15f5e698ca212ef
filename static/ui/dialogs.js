// Dialogs: asking before what cannot be undone, forms over the page, and things to look at.

import { alert, code, html, render, useState } from "./base.js";
import { Field, Form } from "./forms.js";

let ids = 0;

/** Opens a dialog; `content(close)` gives what stands in it. What `close` was given, once it is closed. */
export function open(title, content, kind = "") {
  return new Promise((done) => {
    const id = `dialog-${(ids += 1)}`;
    const before = document.activeElement;
    const dialog = document.createElement("dialog");
    let result;
    const close = (value) => {
      result = value;
      dialog.close();
    };
    dialog.className = kind;
    dialog.setAttribute("aria-labelledby", id);
    dialog.addEventListener("close", () => {
      render(null, dialog);
      dialog.remove();
      if (before?.isConnected) before.focus();
      done(result);
    });
    document.body.append(dialog);
    render(html`<h2 id=${id}>${title}</h2>${content(close)}`, dialog);
    dialog.showModal();
    dialog.querySelector("[data-first]")?.focus();
  });
}

/**
 * Asks before something is done that cannot be undone; refusals are told inside. With `type`, that text must be typed
 * first. Whether it was done.
 */
export async function confirm({ title, text, submit, type, act }) {
  const done = await open(title, (close) => {
    const run = async (values) => {
      if (type && values.typed !== type) throw new Error("This is not what is asked for.");
      await act();
      close(true);
    };
    // The harmless button first: Enter out of habit does nothing.
    const cancel = html`<button type="button" data-first=${!type} onClick=${() => close(false)}>Cancel</button>`;
    return html`<${Form} submit=${submit} danger act=${run} more=${cancel}>
      ${[text].flat().map((line) => (typeof line === "string" || line?.type === "bdi" ? html`<p>${line}</p>` : line))}
      ${type && html`<${Field} title=${["Type ", code(type), " to confirm"]} name="typed" autocomplete="off" required autofocus />`}<//>`;
  });
  return done === true;
}

/** A form over the page. What `act` gives back when it worked; nothing when it was given up. */
export function ask({ title, submit, fields, act, danger = false, wide = false }) {
  return open(title, (close) => html`<${Form} submit=${submit} danger=${danger} kind=${wide ? "wide" : ""}
      act=${async (values, node) => close((await act(values, node)) ?? true)}
      more=${html`<button type="button" onClick=${() => close()}>Cancel</button>`}>${fields}<//>`, wide ? "wide" : "");
}

/** Something to look at; `content(close, refused)` gives what stands in it. */
export function look(title, content) {
  const Shown = ({ close }) => {
    const [error, refused] = useState("");
    return html`${content(close, refused)}<button type="button" data-first onClick=${() => close()}>Close</button>${alert(error)}`;
  };
  return open(title, (close) => html`<${Shown} close=${close} />`, "wide");
}
