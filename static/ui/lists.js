// Lists that are asked of the server: with a search and pages, or all at once.

import { alert, dim, html, number, table, useEffect, useRef, useState } from "./base.js";
import { Choice, Field, place } from "./forms.js";

/**
 * A list with search and pages. What is looked for stands in the address, so that going back finds it again.
 * `load(query)` gives `{data, meta}`; `filters` are further choices: `{name, title, options}`; without
 * `search` and `filters` there is neither form nor address. `actions` are buttons beside the search. A changed `turn` asks anew.
 */
export function List({ title, search, load, heads, row, empty, filters = [], actions = null, perPage = 25, turn = 0 }) {
  const own = useRef(place());
  const first = useRef(null);
  const searched = search || filters.length > 0;
  first.current ??= searched ? new URLSearchParams(location.hash.split("?")[1] ?? "") : new URLSearchParams();
  const [page, setPage] = useState(Math.max(1, Number.parseInt(first.current.get("page"), 10) || 1));
  const [sought, setSought] = useState(() => pick(first.current, filters));
  const [state, setState] = useState(null);
  const waiting = useRef(0);
  const asked = useRef(0);

  const narrowed = Object.values(sought).some(Boolean);
  useEffect(() => {
    // The page was left while a search waited.
    if (searched && place() !== own.current) return undefined;
    const kept = new URLSearchParams(Object.entries(sought).filter(([, value]) => value));
    const ask = new URLSearchParams(kept);
    ask.set("page", page);
    ask.set("perPage", perPage);
    if (page > 1) kept.set("page", page);
    if (searched) history.replaceState(null, "", own.current + (kept.size ? "?" + kept : ""));
    const mine = (asked.current += 1);
    setState((old) => old && { ...old, busy: true });
    load(ask).then(({ data, meta }) => {
      // An answer that was overtaken by a later question is not shown.
      if (mine !== asked.current) return;
      const { total, total_pages: pages } = meta.pagination;
      if (page > 1 && page > pages) setPage(Math.max(1, pages));
      else setState({ data, total, pages });
    }).catch((refusal) => mine === asked.current && setState({ error: refusal.message }));
    return () => (asked.current += 1);
  }, [page, sought, turn]);

  const read = (form) => {
    setPage(1);
    setSought(pick(new FormData(form), filters));
  };
  const onInput = (event) => {
    const form = event.currentTarget;
    clearTimeout(waiting.current);
    waiting.current = setTimeout(() => form.isConnected && read(form), 250);
  };
  const onSubmit = (event) => {
    event.preventDefault();
    clearTimeout(waiting.current);
    read(event.currentTarget);
  };
  const { data, total, pages, error } = state ?? {};
  return html`${searched && html`<form class="row" role="search" aria-label=${title} onInput=${onInput} onSubmit=${onSubmit}>
      ${search && html`<${Field} title=${search} name="searchKey" type="search" value=${first.current.get("searchKey")} autocomplete="off" spellcheck="false" />`}
      ${filters.map((one) => html`<${Choice} title=${one.title} name=${one.name} value=${first.current.get(one.name) ?? ""} options=${one.options} />`)}
      <p class="dim" role="status">${total ? `${number(total)} in all` : ""}</p>${actions}</form>`}
    <div aria-busy=${!state || state.busy ? "true" : null}>${error ? alert(error) : state ? table(title, heads, data.map(row), narrowed ? "Nothing fits this search." : empty) : dim("Loading…")}</div>
    <nav class="pager" aria-label=${"Pages of " + title}>${pages > 1 && html`
      <button type="button" disabled=${page <= 1} onClick=${() => setPage(page - 1)}>Previous</button>
      <span>Page ${number(page)} of ${number(pages)}</span>
      <button type="button" disabled=${page >= pages} onClick=${() => setPage(page + 1)}>Next</button>`}</nav>`;
}

function pick(values, filters) {
  return Object.fromEntries(["searchKey", ...filters.map((one) => one.name)].map((key) => [key, values.get(key) ?? ""]));
}

/**
 * A list that goes on from a cursor, the newest first. `load(next)` gives `{data, meta}`, `perPage` at most; `meta.next` is what the next piece begins with.
 * `rows` gives what is shown of all that is there. A changed `turn` asks anew.
 */
export function Feed({ load, rows, turn = 0, perPage = 25 }) {
  const [state, setState] = useState(null);
  const asked = useRef(0);
  const fill = async (next) => {
    const mine = (asked.current += 1);
    try {
      const { data, meta } = await load(next);
      if (mine !== asked.current) return;
      setState((old) => ({ list: next ? [...old.list, ...data] : data, next: data.length < perPage ? null : meta?.next }));
    } catch (refusal) {
      if (mine === asked.current) setState((old) => ({ list: old?.list ?? [], next: null, ...old, error: refusal.message }));
    }
  };
  useEffect(() => {
    fill();
    return () => (asked.current += 1);
  }, [turn]);
  if (!state) return dim("Loading…");
  return html`${state.error && !state.list.length ? null : rows(state.list)}${alert(state.error)}
    ${state.next && html`<div class="buttons more"><button type="button" onClick=${() => fill(state.next)}>Older</button></div>`}`;
}
