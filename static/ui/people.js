// How people are shown and chosen.

import { brief, html, pill, plain, useEffect, useRef, useState } from "./base.js";
import { rest } from "../api.js";
import { Field } from "./forms.js";

export function status(user) {
  if (user.deactivatedAt) return pill("deactivated", "off");
  return user.status === "available" ? pill("online", "on") : pill("offline");
}

/** Initials in the place of a picture: one from elsewhere would tell strangers who looks. */
export function face(user) {
  const words = plain(user.name ?? "?").split(/\s+/u).filter(Boolean);
  const initials = [words[0], words.length > 1 ? words.at(-1) : ""].map((word) => Array.from(word ?? "")[0] ?? "").join("").toUpperCase();
  let sum = 0;
  for (const sign of user.uid ?? user.guid ?? "") sum = (sum * 31 + sign.codePointAt(0)) % 6;
  return html`<span class=${"face face-" + sum} aria-hidden="true">${initials}</span>`;
}

/** An address of a stranger: a link only where it leads to the web. */
export function link(address) {
  let web = false;
  try {
    web = ["http:", "https:"].includes(new URL(address).protocol);
  } catch {
    // Text that is no address.
  }
  return web ? html`<a href=${address} target="_blank" rel="noreferrer noopener"><code>${plain(address)}</code></a>` : html`<code>${plain(address)}</code>`;
}

let lists = 0;

/** A field for a uid that proposes users of the app while one types. */
export function UserField({ app, title = "User (uid)", name = "uid", hint, ...more }) {
  const [found, setFound] = useState([]);
  const id = useRef(null);
  id.current ??= `people-${(lists += 1)}`;
  const waiting = useRef(0);
  const turn = useRef(0);
  const onInput = (event) => {
    const searchKey = event.target.value.trim();
    clearTimeout(waiting.current);
    waiting.current = setTimeout(async () => {
      const mine = (turn.current += 1);
      if (!searchKey) return setFound([]);
      try {
        const { data } = await rest(app, "GET", "users?" + new URLSearchParams({ searchKey, perPage: 10 }));
        if (mine === turn.current) setFound(data);
      } catch {
        // Proposals are a help, not a need: what is wrong is told when the form is sent.
      }
      return undefined;
    }, 200);
  };
  useEffect(() => () => clearTimeout(waiting.current), []);
  return html`<${Field} title=${title} name=${name} hint=${hint} list=${id.current} autocomplete="off" spellcheck="false" required maxlength="100" onInput=${onInput} ...${more} />
    <datalist id=${id.current}>${found.map((user) => html`<option value=${user.uid} key=${user.uid}>${brief(user.name)}</option>`)}</datalist>`;
}
