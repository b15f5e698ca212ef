// A list without an end: messages in the order they were sent, read backwards and forwards a piece at a time. However
// long a conversation is, the page holds a window of it; what was in sight stays where it was.

import { alert, dim, html, useEffect, useLayoutEffect, useReducer, useRef } from "./base.js";
import { face } from "./people.js";
import { sender } from "./message.js";

/** Messages that are asked for at once. */
const PIECE = 50;
/** Messages that are in the page at most. */
const WINDOW = 300;
/** Pixels before an end at which the next piece is asked for. */
const NEAR = 900;

const DAY = new Intl.DateTimeFormat("en-GB", { dateStyle: "full" });

/**
 * `load({affix, id, limit})` gives messages in their order; `one(id)` gives a message, or nothing when it is gone; `row` gives
 * what is shown of one. It begins at the newest, or around the message `around`. `control` gets `{renew, newest}`.
 */
export function Stream({ load, one, row, around, empty, control, label = "Messages" }) {
  const [, draw] = useReducer((count) => count + 1, 0);
  const box = useRef(null);
  const state = useRef(null);
  state.current ??= { list: [], first: false, last: false, busy: false, error: "", hold: null, rows: new WeakMap(), gone: false };
  const at = state.current;

  /** Keeps in sight what is in sight. */
  const hold = () => {
    if (!box.current) return null;
    const top = box.current.scrollTop;
    for (const node of box.current.querySelectorAll("li[data-id]")) {
      if (node.offsetTop + node.offsetHeight > top) return { id: node.dataset.id, off: node.offsetTop - top };
    }
    return null;
  };
  const doing = async (act) => {
    if (at.busy) return;
    at.busy = true;
    at.error = "";
    box.current?.setAttribute("aria-busy", "true");
    try {
      await act();
    } catch (refusal) {
      at.error = refusal.message;
    }
    at.busy = false;
    if (!at.gone) draw();
  };
  const newest = () => doing(async () => {
    const list = await load({ affix: "prepend", limit: PIECE });
    Object.assign(at, { list, first: list.length < PIECE, last: true, hold: "end" });
  });
  const begin = (id) => doing(async () => {
    const [before, here, after] = await Promise.all([load({ affix: "prepend", id, limit: PIECE }), one(id), load({ affix: "append", id, limit: PIECE })]);
    const list = [...before, ...(here ? [here] : []), ...after];
    Object.assign(at, { list, first: before.length < PIECE, last: after.length < PIECE, hold: { id, off: 120 } });
  });
  const older = () => !at.first && at.list.length && doing(async () => {
    const found = await load({ affix: "prepend", id: at.list[0].id, limit: PIECE });
    at.hold = hold();
    at.first = found.length < PIECE;
    const list = [...found, ...at.list];
    if (list.length > WINDOW) at.last = false;
    at.list = list.slice(0, WINDOW);
  });
  const newer = () => !at.last && at.list.length && doing(async () => {
    const found = await load({ affix: "append", id: at.list.at(-1).id, limit: PIECE });
    at.hold = hold();
    at.last = found.length < PIECE;
    const list = [...at.list, ...found];
    if (list.length > WINDOW) at.first = false;
    at.list = list.slice(-WINDOW);
  });
  const renew = (id) => doing(async () => {
    const now = await one(id);
    at.hold = hold();
    at.list = at.list.map((message) => (message.id === id ? now : message)).filter(Boolean);
  });
  if (control) control.current = { renew, newest };

  useEffect(() => {
    if (around) begin(around);
    else newest();
    return () => (at.gone = true);
  }, []);
  useLayoutEffect(() => {
    if (!box.current || !at.hold) return;
    if (at.hold === "end") box.current.scrollTop = box.current.scrollHeight;
    else {
      const node = box.current.querySelector(`li[data-id="${CSS.escape(at.hold.id)}"]`);
      if (node) box.current.scrollTop = node.offsetTop - at.hold.off;
    }
    at.hold = null;
    box.current.removeAttribute("aria-busy");
    // What is shown may be shorter than its place.
    look();
  });
  const look = () => {
    // A scroll may be told of after it was left.
    if (!box.current) return;
    const { scrollTop, scrollHeight, clientHeight } = box.current;
    if (at.busy || at.error) return;
    if (scrollTop < NEAR && !at.first) older();
    else if (scrollHeight - scrollTop - clientHeight < NEAR && !at.last) newer();
  };

  const items = [];
  let day = "";
  for (const message of at.list) {
    const date = new Date(message.sentAt * 1000);
    const its = date.toDateString();
    if (its !== day) items.push(html`<li class="day" key=${"day " + message.id}>${DAY.format(date)}</li>`);
    day = its;
    // The same message gives the same piece of page: nothing of it is compared anew.
    let shown = at.rows.get(message);
    if (!shown) at.rows.set(message, shown = html`<li key=${message.id} data-id=${message.id} class=${"message" + (message.id === around ? " here" : "")}>${face(sender(message))}<div>${row(message)}</div></li>`);
    items.push(shown);
  }
  return html`<div class="stream" ref=${box} tabindex="0" role="region" aria-label=${label} onScroll=${look} aria-busy=${at.list.length || at.first ? null : "true"}>
      ${at.first && at.list.length > 0 && html`<p class="end dim">This is where it begins.</p>`}
      ${items.length ? html`<ol>${items}</ol>` : at.first ? html`<p class="empty">${empty}</p>` : at.error ? "" : dim("Loading…")}</div>
    <div class="buttons">${at.list.length > 0 && html`<button type="button" onClick=${newest}>To the newest</button>`}
      ${at.error && html`<button type="button" onClick=${() => (at.list.length ? older() || newer() : newest())}>Try again</button>`}</div>${alert(at.error)}`;
}
