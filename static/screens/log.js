// The newest lines of the log, as they come.

import { call } from "../api.js";
import { alert, card, html, number, plain, useEffect, useLayoutEffect, useRef, useState } from "../ui/base.js";
import { Check, Choice, Field } from "../ui/forms.js";
import { serverFrame } from "../ui/frames.js";

/** Milliseconds between two looks. */
const AGAIN = 3000;
/** Lines that are kept in the page. */
const MOST = 1000;

export async function show() {
  const { data } = await call("GET", "logs");
  return serverFrame("log", "Log", html`<${Log} first=${data} />`);
}

function Log({ first }) {
  const [lines, setLines] = useState(first);
  const [level, setLevel] = useState("trace");
  const [words, setWords] = useState("");
  const [error, setError] = useState("");
  const [held, setHeld] = useState(false);
  const box = useRef(null);
  const follow = useRef(true);
  useEffect(() => {
    if (held) return undefined;
    let last = lines.at(-1)?.id ?? 0;
    const timer = setInterval(async () => {
      if (document.hidden) return;
      try {
        const { data } = await call("GET", `logs?id=${last}`);
        last = data.at(-1)?.id ?? last;
        if (data.length) setLines((old) => [...old, ...data].slice(-MOST));
        setError("");
      } catch (refusal) {
        setError(refusal.message);
      }
    }, AGAIN);
    return () => clearInterval(timer);
  }, [held]);
  useLayoutEffect(() => {
    if (follow.current) box.current.scrollTop = box.current.scrollHeight;
  });
  const levels = ["error", "warn", "info", "debug", "trace"];
  const wanted = words.toLowerCase();
  const shown = lines.filter((line) => levels.indexOf(line.level) <= levels.indexOf(level) && line.text.toLowerCase().includes(wanted));
  const onScroll = () => {
    const { scrollTop, scrollHeight, clientHeight } = box.current;
    follow.current = scrollHeight - scrollTop - clientHeight < 40;
  };
  return card(null, html`<form class="row" role="search" aria-label="Log" onSubmit=${(event) => event.preventDefault()}>
      <${Field} title="Words" name="words" type="search" autocomplete="off" onInput=${(event) => setWords(event.target.value)} />
      <${Choice} title="Show" name="level" value="trace" onChange=${(event) => setLevel(event.target.value)}
        options=${[["trace", "All"], ["info", "Info and above"], ["warn", "Warnings and errors"], ["error", "Errors"]]} />
      <${Check} title="Hold" name="held" onChange=${(event) => setHeld(event.target.checked)} />
      <p class="dim" role="status">${number(shown.length)} ${shown.length === 1 ? "line" : "lines"}</p></form>`,
  html`<div class="lines" ref=${box} tabindex="0" role="region" aria-label="Lines" onScroll=${onScroll}>
      ${shown.length ? html`<ol>${shown.map((line) => html`<li key=${line.id} class=${line.level}>${plain(line.text)}</li>`)}</ol>` : html`<p class="empty">There is no such line.</p>`}</div>`, alert(error));
}
