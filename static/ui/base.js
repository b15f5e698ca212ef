// The pieces pages are made of. Everything shown is put in as text, never as markup: names come from strangers.

import { html } from "../vendor/htm-preact.js";

export * from "../vendor/htm-preact.js";

/**
 * Text of strangers as it really is: what would turn the writing round, break it or show nothing is spelt out, so that
 * `exe.png` cannot be written backwards.
 */
export function plain(text) {
  const shown = String(text ?? "").replace(/[\p{Cc}\u202a-\u202e\u2066-\u2069]/gu,
    (sign) => (sign === "\n" ? sign : `[U+${sign.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}]`));
  return /[\p{L}\p{N}\p{P}\p{S}]/u.test(shown) ? shown : "(blank)";
}

/** Longer than any name and description within the usual limits; a server may be told to take longer ones. */
const LONGEST = 260;

/** Text of strangers at a length that leaves room for what stands beside it. */
export function brief(text) {
  const shown = plain(text);
  if (shown.length <= LONGEST) return shown;
  const signs = Array.from(shown);
  return signs.length <= LONGEST ? shown : `${signs.slice(0, LONGEST).join("")}… (${number(signs.length)} characters)`;
}

/** A name somebody chose; its writing direction stays its own matter. */
export const name = (text) => html`<bdi>${brief(text)}</bdi>`;
export const code = (text) => html`<code>${brief(text)}</code>`;
export const dim = (...text) => html`<p class="dim">${text}</p>`;
export const number = (value) => (value ?? 0).toLocaleString("en");
export const alert = (text) => (text ? html`<p class="error" role="alert">${text}</p>` : null);
export const pill = (text, kind = "") => html`<span class=${"pill " + kind}>${text}</span>`;

const SHORT = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "short" });

/** A moment, from seconds since 1970. */
export function time(seconds, format = SHORT) {
  if (!seconds) return "never";
  const date = new Date(seconds * 1000);
  return html`<time datetime=${date.toISOString()} title=${date.toString()}>${format.format(date)}</time>`;
}

export function bytes(count) {
  const units = ["bytes", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  for (; count >= 1024 && unit < units.length - 1; unit += 1) count /= 1024;
  return `${count.toFixed(unit && count < 100 ? 1 : 0)} ${units[unit]}`;
}

/** Figures with their names. */
export function tiles(pairs) {
  return html`<dl class="tiles">${pairs.map(([title, value]) => html`<div><dt>${title}</dt><dd>${value}</dd></div>`)}</dl>`;
}

/** Facts with their names; those that are not there are left out. */
export function facts(pairs) {
  const there = pairs.filter(([, value]) => value != null && value !== "" && value !== false);
  return html`<dl class="facts">${there.map(([title, value]) => html`<div><dt>${title}</dt><dd>${value}</dd></div>`)}</dl>`;
}

/** A card with a heading, which takes the focus when something in it was done. */
export function card(title, ...children) {
  return html`<section class="card">${title && html`<h2 tabindex="-1">${title}</h2>`}${children}</section>`;
}

/** Text that may be longer than its place; it can be scrolled with the keyboard. */
export function block(title, text) {
  return html`<pre tabindex="0" role="region" aria-label=${title}>${plain(text)}</pre>`;
}

/** JSON of strangers, laid out. */
export const json = (title, value) => block(title, JSON.stringify(value, null, 2));

/** A table. On narrow screens each row becomes a card, hence the roles, which browsers would forget then. */
export function table(title, heads, rows, empty) {
  if (!rows.length) return html`<p class="empty">${empty}</p>`;
  return html`<table role="table" aria-label=${title}>
    <thead role="rowgroup"><tr role="row">${heads.map((text) => html`<th scope="col" role="columnheader">${text || html`<span class="unseen">Actions</span>`}</th>`)}</tr></thead>
    <tbody role="rowgroup">${rows.map((cells) => html`<tr role="row" key=${cells.key}>${cells.map((cell, at) =>
    html`<td role="cell" data-head=${heads[at] || null}>${cell ?? ""}</td>`)}</tr>`)}</tbody></table>`;
}

/** Puts the focus on the heading of a card, after what was done there is shown. */
export function focusHeading(node) {
  setTimeout(() => node?.closest(".card")?.querySelector("h2")?.focus());
}
