// The pieces pages are made of. Everything shown is put in as text, never as markup: names come from strangers.

/** An element with attributes and children. Functions become listeners; `null` and `false` are left out. */
export function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [key, value] of Object.entries(attributes)) {
    if (typeof value === "function") node.addEventListener(key, value);
    else if (value === true) node.setAttribute(key, "");
    else if (value !== false && value != null) node.setAttribute(key, value);
  }
  node.append(...children.flat().filter((child) => child != null && child !== false));
  return node;
}

/**
 * Text of strangers as it really is: what would turn the writing round, break it or show nothing is spelt out, so that
 * `exe.png` cannot be written backwards.
 */
export function plain(text) {
  const shown = text.replace(/[\p{Cc}\u202a-\u202e\u2066-\u2069]/gu,
    (sign) => (sign === "\n" ? sign : `[U+${sign.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}]`));
  return /[\p{L}\p{N}\p{P}\p{S}]/u.test(shown) ? shown : "(blank)";
}

/** A name somebody chose; its writing direction stays its own matter. */
export const name = (text) => el("bdi", {}, plain(text));
export const code = (text) => el("code", {}, text);
export const dim = (...text) => el("p", { class: "dim" }, ...text);
export const number = (value) => value.toLocaleString("en");

const SHORT = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "short" });

export function time(seconds) {
  if (!seconds) return "never";
  const date = new Date(seconds * 1000);
  return el("time", { datetime: date.toISOString(), title: date.toString() }, SHORT.format(date));
}

export function bytes(count) {
  const units = ["bytes", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  for (; count >= 1024 && unit < units.length - 1; unit += 1) count /= 1024;
  return `${count.toFixed(unit && count < 100 ? 1 : 0)} ${units[unit]}`;
}

export function pill(text, kind) {
  return el("span", { class: "pill " + kind }, text);
}

/** Figures with their names. */
export function tiles(pairs) {
  return el("dl", { class: "tiles" }, pairs.map(([title, value]) => el("div", {}, el("dt", {}, title), el("dd", {}, value))));
}

/** Facts with their names; those that are not there are left out. */
export function facts(pairs) {
  const there = pairs.filter(([, value]) => value != null && value !== "");
  return el("dl", { class: "facts" }, there.map(([title, value]) => el("div", {}, el("dt", {}, title), el("dd", {}, value))));
}

/** A card with a heading. */
export function card(title, ...children) {
  return el("section", { class: "card" }, title && el("h2", {}, title), ...children);
}

/** The way back up. */
export function crumbs(...links) {
  const items = links.map(([text, href]) => el("li", {}, el("a", { href }, text)));
  return el("nav", { class: "crumbs", "aria-label": "Where you are" }, el("ol", {}, items));
}

let ids = 0;

/** A labelled input; `hint` stands below it. */
export function field(title, attributes, hint) {
  const id = `field-${(ids += 1)}`;
  const input = el("input", { id, "aria-describedby": hint && id + "-hint", ...attributes });
  return el("div", { class: "field" }, el("label", { for: id }, title), input,
    hint && el("p", { class: "hint", id: id + "-hint" }, hint));
}

/** A labelled choice among `[value, text]`. */
export function choice(title, attributes, options) {
  const id = `field-${(ids += 1)}`;
  const nodes = options.map(([value, text]) => el("option", { value, selected: value === attributes.value }, text));
  return el("div", { class: "field" }, el("label", { for: id }, title), el("select", { id, ...attributes, value: null }, nodes));
}

/** A box to tick, with its text beside it; `hint` stands below. */
export function check(title, attributes, hint) {
  const id = `field-${(ids += 1)}`;
  const input = el("input", { id, type: "checkbox", "aria-describedby": hint && id + "-hint", ...attributes });
  return el("div", { class: "check" }, input, el("label", { for: id }, title), hint && el("p", { class: "hint", id: id + "-hint" }, hint));
}

/** Boxes that belong together. */
export function boxes(title, checks) {
  return el("fieldset", {}, el("legend", {}, title), el("div", { class: "checks" }, checks));
}

/** The place where a refusal is told. */
export function alert() {
  return el("p", { class: "error", role: "alert" });
}

/**
 * A form that shows its refusal next to its button and acts once at a time.
 * `act` gets the values and the form; `more` are further buttons.
 */
export function form({ fields, submit, act, kind = "", danger = false, more = [] }) {
  const error = alert();
  const button = el("button", { class: danger ? "main bad" : "main" }, submit);
  let busy = false;
  const node = el("form", {
    class: kind,
    submit: async (event) => {
      event.preventDefault();
      if (busy) return;
      busy = true;
      // Not `disabled`, which would throw the focus away.
      button.setAttribute("aria-disabled", "true");
      error.textContent = "";
      try {
        await act(Object.fromEntries(new FormData(node)), node);
      } catch (refusal) {
        error.textContent = refusal.message;
      }
      busy = false;
      button.removeAttribute("aria-disabled");
    },
  }, fields, el("div", { class: "buttons" }, button, more), error);
  return node;
}

/**
 * Asks before something is done that cannot be undone; refusals are told inside. With `type`, that text must be typed
 * first. Whether it was done.
 */
export function confirm({ title, text, submit, type, act }) {
  return new Promise((done) => {
    const id = `dialog-${(ids += 1)}`;
    let acted = false;
    const fields = [el("h2", { id }, title), ...[text].flat().map((line) => el("p", {}, line))];
    if (type) fields.push(field(["Type ", code(type), " to confirm"], { name: "typed", autocomplete: "off", required: true }));
    const cancel = el("button", { type: "button", click: () => dialog.close() }, "Cancel");
    const dialog = el("dialog", { "aria-labelledby": id, close: () => { dialog.remove(); done(acted); } },
      form({
        fields, submit, danger: true, more: [cancel],
        act: async (values) => {
          if (type && values.typed !== type) throw new Error("This is not what is asked for.");
          await act();
          acted = true;
          dialog.close();
        },
      }));
    document.body.append(dialog);
    dialog.showModal();
    // The harmless button first: Enter out of habit does nothing.
    if (!type) cancel.focus();
  });
}

/** Something to look at; `fill(close, refused)` gives what stands in it. */
export function dialogOf(title, fill) {
  const id = `dialog-${(ids += 1)}`;
  const error = alert();
  const close = el("button", { type: "button", click: () => dialog.close() }, "Close");
  const dialog = el("dialog", { class: "wide", "aria-labelledby": id, close: () => dialog.remove() }, el("h2", { id }, title));
  dialog.append(...fill(() => dialog.close(), (text) => (error.textContent = text)), close, error);
  document.body.append(dialog);
  dialog.showModal();
  close.focus();
}

/** A button that puts `text` into the clipboard, or selects `shown` where the browser has none (plain http). */
export function copyButton(text, shown, what) {
  const label = el("span", { "aria-live": "polite" }, "Copy");
  return el("button", {
    type: "button", class: "small", "aria-label": "Copy " + what,
    click: async () => {
      label.textContent = (await copy(text, shown)) ? "Copied" : "Press Ctrl+C";
      setTimeout(() => (label.textContent = "Copy"), 2000);
    },
  }, label);
}

async function copy(text, shown) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    getSelection().selectAllChildren(shown);
    return document.execCommand("copy");
  }
}

/** Keys that are seen this once. */
export function secrets(title, pairs, ...more) {
  return once(title, "Keys are shown only now: the server keeps no copy of them.", pairs, ...more);
}

/** Values that are seen this once, each with a button that copies it. */
export function once(title, why, pairs, ...more) {
  const rows = pairs.map(([what, value]) => {
    const shown = code(value);
    return el("div", {}, el("dt", {}, what), el("dd", {}, shown, copyButton(value, shown, what)));
  });
  const heading = el("h2", { tabindex: "-1" }, title);
  return el("section", { class: "card secret" }, heading, dim(why),
    el("dl", { class: "values" }, rows), ...more);
}

/** Text over several lines, with a button that copies it. */
export function snippet(title, text) {
  const shown = el("code", {}, text);
  return el("div", { class: "snippet" }, el("div", { class: "head" }, el("h3", {}, title), copyButton(text, shown, "the code")),
    el("pre", { tabindex: "0", role: "region", "aria-label": title }, shown));
}

/** A table. On narrow screens each row becomes a card, hence the roles, which browsers would forget then. */
export function table(title, heads, rows, empty) {
  if (!rows.length) return el("p", { class: "empty" }, empty);
  const head = el("tr", { role: "row" }, heads.map((text) => el("th", { scope: "col", role: "columnheader" }, text || el("span", { class: "unseen" }, "Actions"))));
  const body = rows.map((cells) => el("tr", { role: "row" },
    cells.map((cell, at) => el("td", { role: "cell", "data-head": heads[at] || null }, cell ?? ""))));
  return el("table", { role: "table", "aria-label": title },
    el("thead", { role: "rowgroup" }, head), el("tbody", { role: "rowgroup" }, body));
}

/**
 * A list with search and pages. What is looked for stands in the address, so that going back finds it again.
 * `load(query)` gives `{data, meta}`; `filters` are further choices: `{name, title, options}`.
 */
export function list({ title, search, load, heads, row, empty, filters = [], perPage = 25 }) {
  const [place, query] = location.hash.split("?");
  const asked = new URLSearchParams(query ?? "");
  const rows = el("div", { "aria-busy": "true" }, dim("Loading…"));
  const count = el("p", { class: "dim", role: "status" });
  const pager = el("nav", { class: "pager", "aria-label": "Pages of " + title });
  let page = Math.max(1, Number.parseInt(asked.get("page"), 10) || 1);
  let turn = 0;

  const fill = async () => {
    // The page was left while a search waited.
    if (location.hash.split("?")[0] !== place) return;
    const mine = (turn += 1);
    const kept = new URLSearchParams();
    for (const [key, value] of new FormData(filter)) if (value) kept.set(key, value);
    if (page > 1) kept.set("page", page);
    history.replaceState(null, "", place + (kept.size ? "?" + kept : ""));
    const narrowed = [...kept.keys()].some((key) => key !== "page");
    const ask = new URLSearchParams(kept);
    ask.set("page", page);
    ask.set("perPage", perPage);
    rows.setAttribute("aria-busy", "true");
    try {
      const { data, meta } = await load(ask);
      // An answer that was overtaken by a later question is not shown.
      if (mine !== turn) return;
      const { total, total_pages: pages } = meta.pagination;
      if (page > 1 && page > pages) {
        page = Math.max(1, pages);
        return fill();
      }
      rows.replaceChildren(table(title, heads, data.map(row), narrowed ? "Nothing fits this search." : empty));
      count.textContent = total ? `${number(total)} in all` : "";
      pager.replaceChildren(...(pages > 1 ? turns(pages) : []));
    } catch (refusal) {
      if (mine !== turn) return;
      rows.replaceChildren(el("p", { class: "error", role: "alert" }, refusal.message));
      count.textContent = "";
      pager.replaceChildren();
    }
    rows.removeAttribute("aria-busy");
  };
  const go = (to) => { page = to; fill(); };
  const turns = (pages) => [
    el("button", { type: "button", disabled: page <= 1, click: () => go(page - 1) }, "Previous"),
    el("span", {}, `Page ${number(page)} of ${number(pages)}`),
    el("button", { type: "button", disabled: page >= pages, click: () => go(page + 1) }, "Next"),
  ];

  let waiting;
  const filter = el("form", {
    class: "row", role: "search", "aria-label": title,
    submit: (event) => { event.preventDefault(); clearTimeout(waiting); go(1); },
    input: () => { clearTimeout(waiting); waiting = setTimeout(() => go(1), 250); },
  },
  field(search, { name: "searchKey", type: "search", value: asked.get("searchKey") ?? "", autocomplete: "off", spellcheck: "false" }),
  filters.map((one) => choice(one.title, { name: one.name, value: asked.get(one.name) ?? "" }, one.options)), count);
  fill();
  return [filter, rows, pager];
}
