// The admin page. Everything shown is put in as text, never as markup: names come from strangers.

const main = document.getElementById("main");
const nav = document.getElementById("nav");
const STORE = "hobnob-admin";

/** An element with attributes and children; functions become listeners, other children text. */
function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [key, value] of Object.entries(attributes)) {
    if (typeof value === "function") node.addEventListener(key, value);
    else if (value === true) node.setAttribute(key, "");
    else if (value !== false && value != null) node.setAttribute(key, value);
  }
  node.append(...children.filter((child) => child != null));
  return node;
}

class Refusal extends Error {}

/** Calls the server; gives `data`, with `meta` beside it when there is one. */
async function call(method, path, body) {
  const headers = { "Content-Type": "application/json" };
  const session = sessionStorage.getItem(STORE);
  if (session) headers["X-Hobnob-Admin"] = session;
  let reply;
  try {
    const response = await fetch("api/" + path, { method, headers, body: body && JSON.stringify(body) });
    reply = await response.json();
  } catch {
    throw new Refusal("The server does not answer.");
  }
  if (reply.error) {
    if (reply.error.code === "AUTH_ERR_EMPTY_AUTH_HEADER") {
      sessionStorage.removeItem(STORE);
      if (session) return showLogin("Your session is over. Please log in again."), new Promise(() => {});
    }
    const details = Object.values(reply.error.details ?? {}).flat().join(" ");
    throw new Refusal(details || reply.error.message);
  }
  return { data: reply.data, meta: reply.meta };
}

/** A form that shows its refusal under its fields. */
function form(fields, submit, act, className) {
  const error = el("p", { class: "error", role: "alert" });
  const button = el("button", { class: "main" }, submit);
  const node = el("form", {
    class: className,
    submit: async (event) => {
      event.preventDefault();
      error.textContent = "";
      button.disabled = true;
      try {
        await act(Object.fromEntries(new FormData(node)), node);
      } catch (refusal) {
        error.textContent = refusal.message;
      }
      button.disabled = false;
    },
  }, ...fields, button, error);
  return node;
}

function field(text, attributes) {
  return el("label", {}, text, el("input", attributes));
}

function time(seconds) {
  return seconds ? new Date(seconds * 1000).toLocaleString() : "";
}

function show(...nodes) {
  main.replaceChildren(...nodes);
}

function table(heads, rows, empty) {
  if (!rows.length) return el("p", { class: "dim" }, empty);
  const head = el("tr", {}, ...heads.map((text) => el("th", { scope: "col" }, text)));
  const body = rows.map((cells) => el("tr", {}, ...cells.map((cell) => el("td", {}, cell ?? ""))));
  return el("div", { class: "scroll" }, el("table", {}, el("thead", {}, head), el("tbody", {}, ...body)));
}

function copyButton(text) {
  const button = el("button", { type: "button", click: async () => {
    await navigator.clipboard.writeText(text);
    button.textContent = "Copied";
  } }, "Copy");
  return button;
}

// --- coming in ---

function enter(session) {
  sessionStorage.setItem(STORE, session);
  history.replaceState(null, "", "#apps");
  route();
}

function showSetup(link) {
  nav.hidden = true;
  show(el("section", {}, el("h1", {}, "Set up this server"),
    el("p", { class: "dim" }, "Choose a name and a password (at least 8 characters). The link works once."),
    form([
      field("Name", { name: "name", required: true, autocomplete: "username" }),
      field("Password", { name: "password", type: "password", required: true, minlength: 8, autocomplete: "new-password" }),
    ], "Create the admin", async (values) => enter((await call("POST", "setup", { ...values, link })).data.session))));
}

function showLogin(notice) {
  nav.hidden = true;
  show(el("section", {}, el("h1", {}, "Log in"), notice ? el("p", { class: "dim" }, notice) : null,
    form([
      field("Name", { name: "name", required: true, autocomplete: "username" }),
      field("Password", { name: "password", type: "password", required: true, autocomplete: "current-password" }),
    ], "Log in", async (values) => enter((await call("POST", "login", values)).data.session))));
}

document.getElementById("logout").addEventListener("click", async () => {
  try { await call("POST", "logout"); } catch { /* the session is gone either way */ }
  sessionStorage.removeItem(STORE);
  showLogin("You have logged out.");
});

// --- apps ---

async function showApps() {
  const { data } = await call("GET", "overview");
  document.getElementById("who").textContent = data.admin;
  nav.hidden = false;
  const rows = data.apps.map((app) => [
    el("a", { href: "#app=" + encodeURIComponent(app.id) }, app.name), el("code", {}, app.id),
    String(app.users), String(app.groups), time(app.createdAt),
  ]);
  show(el("h1", {}, "Apps"),
    el("section", {}, el("p", { class: "dim" }, `Hobnob ${data.version} · ${data.connections} open connections`),
      table(["Name", "App id", "Users", "Groups", "Made"], rows, "There is no app yet.")),
    el("section", {}, el("h2", {}, "New app"), form([field("Name", { name: "name", required: true, maxlength: 100 })], "Create",
      async (values) => {
        const app = (await call("POST", "apps", values)).data;
        await showApps();
        main.children[1].after(secrets("The app's keys, shown only now", [
          ["App id", app.appId], ["Region", app.region], ["Auth Key", app.authKey], ["REST API key", app.apiKey],
        ]));
      }, "row")));
}

function secrets(title, pairs) {
  return el("section", { class: "secret" }, el("h2", {}, title),
    table(["", "", ""], pairs.map(([name, value]) => [name, el("code", {}, value), copyButton(value)]), ""));
}

// --- one app ---

async function showApp(id) {
  const base = "apps/" + encodeURIComponent(id);
  const { data: overview } = await call("GET", "overview");
  document.getElementById("who").textContent = overview.admin;
  nav.hidden = false;
  const app = overview.apps.find((app) => app.id === id);
  if (!app) return show(el("h1", {}, "There is no such app"), el("p", {}, el("a", { href: "#apps" }, "All apps")));
  show(el("p", {}, el("a", { href: "#apps" }, "← All apps")), el("h1", {}, app.name),
    await keys(base), pages("Users", base + "/users", ["Name", "uid", "Role", "Status", "Made"], (user) => [
      user.name, el("code", {}, user.uid), user.role,
      user.deactivatedAt ? el("span", { class: "dim" }, "deactivated")
        : el("span", { class: user.status === "available" ? "online" : "dim" }, user.status === "available" ? "online" : "offline"),
      time(user.createdAt),
    ], "No user found."),
    pages("Groups", base + "/groups", ["Name", "guid", "Type", "Members", "Owner", "Made"], (group) => [
      group.name, el("code", {}, group.guid), group.type, String(group.membersCount), group.owner, time(group.createdAt),
    ], "No group found."));
}

async function keys(base) {
  const section = el("section", {});
  const error = el("p", { class: "error", role: "alert" });
  const fill = async (fresh) => {
    const { data } = await call("GET", base + "/keys?perPage=100");
    const rows = data.map(({ id, key }) => [key.name, el("code", {}, key.apiKey.slice(0, 4) + "…"), key.scope, time(key.createdAt),
      el("button", { type: "button", class: "bad", "aria-label": "Revoke " + key.name, click: async () => {
        if (!confirm(`Revoke the key “${key.name}”? Whoever uses it loses access at once.`)) return;
        error.textContent = "";
        try { await call("DELETE", base + "/keys/" + id); await fill(); } catch (refusal) { error.textContent = refusal.message; }
      } }, "Revoke")]);
    section.replaceChildren(el("h2", {}, "API keys"), table(["Name", "Key", "Scope", "Made", ""], rows, "This app has no key."), error,
      ...(fresh ? [secrets("The new key, shown only now", [["Key", fresh]])] : []),
      form([field("Name", { name: "name", required: true, maxlength: 100 }),
        el("label", {}, "Scope", el("select", { name: "scope" }, el("option", { value: "authOnly" }, "authOnly: log users in"),
          el("option", { value: "fullAccess" }, "fullAccess: everything")))],
      "Create key", async (values) => fill((await call("POST", base + "/keys", values)).data.apiKey), "row"));
  };
  await fill();
  return section;
}

/** A list with search and pages. */
function pages(title, path, heads, cells, empty) {
  const list = el("div", {}, el("p", { class: "dim" }, "Loading…"));
  let page = 1;
  let search = "";
  const fill = async () => {
    const query = new URLSearchParams({ perPage: "20", page: String(page) });
    if (search) query.set("searchKey", search);
    try {
      const { data, meta } = await call("GET", path + "?" + query);
      const { total, total_pages: last } = meta.pagination;
      const turn = (text, by, off) => el("button", { type: "button", disabled: off, click: () => { page += by; fill(); } }, text);
      list.replaceChildren(table(heads, data.map(cells), empty), el("div", { class: "pager" },
        turn("Back", -1, page <= 1), el("span", { class: "dim" }, `${total} in all · page ${page} of ${Math.max(last, 1)}`), turn("Next", 1, page >= last)));
    } catch (refusal) {
      list.replaceChildren(el("p", { class: "error", role: "alert" }, refusal.message));
    }
  };
  fill();
  return el("section", {}, el("h2", {}, title), form([field("Search by name or id (from the start)", { name: "search", type: "search" })], "Search",
    async (values) => { search = values.search; page = 1; await fill(); }, "row"), list);
}

// --- which page ---

async function route() {
  const place = new URLSearchParams(location.hash.slice(1));
  if (place.has("setup")) return showSetup(place.get("setup"));
  if (!sessionStorage.getItem(STORE)) return showLogin();
  try {
    await (place.has("app") ? showApp(place.get("app")) : showApps());
  } catch (refusal) {
    show(el("p", { class: "error", role: "alert" }, refusal.message));
  }
}

addEventListener("hashchange", route);
route();
