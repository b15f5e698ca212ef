// Things to copy: values that are seen this once, snippets, and the button that copies them.

import { dim, html, useRef, useState } from "./base.js";

/** A button that puts `text` into the clipboard, or selects what is shown where the browser has none (plain http). */
function Copy({ text, what, shown }) {
  const [said, setSaid] = useState("Copy");
  const click = async () => {
    setSaid((await copy(text, shown?.current)) ? "Copied" : "Press Ctrl+C");
    setTimeout(() => setSaid("Copy"), 2000);
  };
  return html`<button type="button" class="small" aria-label=${"Copy " + what} onClick=${click}><span aria-live="polite">${said}</span></button>`;
}

async function copy(text, shown) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    if (!shown) return false;
    getSelection().selectAllChildren(shown);
    return document.execCommand("copy");
  }
}

/** A value with its button. */
export function Copied({ text, what }) {
  const shown = useRef(null);
  return html`<span class="with-copy"><code ref=${shown}>${text}</code><${Copy} text=${text} what=${what} shown=${shown} /></span>`;
}

/** Keys that are seen this once. */
export const secrets = (title, pairs, ...more) =>
  once(title, "Keys are shown only now: the server keeps no copy of them.", pairs, ...more);

/** Values that are seen this once, each with a button that copies it. */
export function once(title, why, pairs, ...more) {
  return html`<section class="card secret" key=${pairs.map(([, value]) => value).join()}><h2 tabindex="-1" ref=${(node) => setTimeout(() => node?.focus())}>${title}</h2>${dim(why)}
    <dl class="values">${pairs.map(([what, value]) => html`<div><dt>${what}</dt><dd><${Copied} text=${value} what=${what} /></dd></div>`)}</dl>${more}</section>`;
}

/** Text over several lines, with a button that copies it. */
export function Snippet({ title, text }) {
  const shown = useRef(null);
  return html`<div class="snippet"><div class="head"><h3>${title}</h3><${Copy} text=${text} what="the code" shown=${shown} /></div>
    <pre tabindex="0" role="region" aria-label=${title}><code ref=${shown}>${text}</code></pre></div>`;
}

