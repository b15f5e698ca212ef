// One app: its figures, keys, users, groups and webhooks.

import { call, path } from "./api.js";
import { clientCode } from "./apps.js";
import { showGroup } from "./group.js";
import { showUser, status } from "./user.js";
import { failing, showWebhook, webhooks } from "./webhooks.js";
import { alert, card, choice, code, confirm, copyButton, crumbs, dim, el, facts, field, form, list, name, number, plain, secrets, snippet, table, tiles, time } from "./ui.js";

const TABS = { "": ["Overview", overview], keys: ["Keys", keys], users: ["Users", users], groups: ["Groups", groups], webhooks: ["Webhooks", webhooks] };

/** What stands at #/app/ID/TAB/ITEM. */
export async function showApp(id, tab = "", item = "") {
  const base = path("apps", id);
  const { data: app } = await call("GET", base);
  if (tab === "users" && item) return showUser(app, item);
  if (tab === "groups" && item) return showGroup(app, item);
  if (tab === "webhooks" && item) return showWebhook(app, item);
  const [title, show] = TABS[tab] ?? TABS[""];
  const links = Object.entries(TABS).map(([key, [text]]) => el("a", {
    href: "#/" + path("app", id) + (key && "/" + key), "aria-current": text === title ? "page" : null,
  }, text));
  return [crumbs(["Apps", "#/"]), el("h1", { tabindex: "-1" }, name(app.name)), el("nav", { class: "tabs", "aria-label": "Parts of the app" }, links),
    await show(app, base)].flat().filter(Boolean);
}

async function overview(app, base) {
  const { data: server } = await call("GET", "overview");
  const id = code(app.id);
  const remove = el("button", {
    type: "button", class: "bad",
    click: async () => {
      const done = await confirm({
        title: "Delete this app?", submit: "Delete app",
        // A name that cannot be typed gives way to the id.
        type: plain(app.name) === app.name ? app.name.trim() : app.id,
        text: "Its keys and logins stop working at once, and its users, groups and messages are removed for good later on. There is no way back.",
        act: () => call("DELETE", base),
      });
      if (done) location.hash = "#/";
    },
  }, "Delete app…");
  return [
    failing(app.failingWebhooks),
    tiles([["Users", number(app.users)], ["Online now", number(app.online)], ["Active in 24 h", number(app.activeInDay)],
      ["Groups", number(app.groups)], ["Messages in 24 h", number(app.messagesInDay)]]),
    card("Connect a client", facts([["App id", el("span", { class: "with-copy" }, id, copyButton(app.id, id, "the app id"))], ["Region", app.region], ["Host", code(server.clientHost)], ["Made", time(app.createdAt)]]),
      snippet("Client code", clientCode(server.clientHost, app.id, app.region, "AUTH_KEY")),
      dim("AUTH_KEY is a key of scope authOnly. ", el("a", { href: "#/" + path("app", app.id, "keys") }, "Make one"), " if yours is lost: keys are shown once.")),
    card("Delete", dim("Ends everything of this app."), remove),
  ];
}

async function keys(app, base) {
  const rows = el("div");
  const error = alert();
  const fresh = el("div");
  const fill = async () => {
    const { data } = await call("GET", base + "/keys?perPage=1000");
    rows.replaceChildren(table("API keys", ["Name", "Key", "Scope", "Made", ""], data.map(({ id, key }) => [
      name(key.name), code(key.apiKey.slice(0, 4) + "…"), key.scope, time(key.createdAt),
      el("button", { type: "button", class: "small bad", "aria-label": `Revoke ${plain(key.name)}`, click: () => revoke(id, key) }, "Revoke"),
    ]), "This app has no key: nothing can reach it. Make one below."));
  };
  const revoke = async (id, key) => {
    error.textContent = "";
    const done = await confirm({
      title: ["Revoke ", name(key.name), "?"], submit: "Revoke key",
      text: `Whoever uses this key (${key.apiKey.slice(0, 4)}…, ${key.scope}) loses access at once. It cannot be brought back.`,
      act: () => call("DELETE", base + "/" + path("keys", String(id))),
    });
    if (!done) return;
    fresh.replaceChildren();
    try {
      await fill();
    } catch (refusal) {
      error.textContent = refusal.message;
    }
    rows.parentElement.querySelector("h2").focus();
  };
  await fill();
  const make = form({
    kind: "row", submit: "Create key",
    fields: [field("Name", { name: "name", required: true, maxlength: 100, autocomplete: "off" }),
      choice("Scope", { name: "scope" }, [["authOnly", "authOnly: logs users in"], ["fullAccess", "fullAccess: may do everything"]])],
    act: async (values, node) => {
      const { data } = await call("POST", base + "/keys", values);
      node.reset();
      fresh.replaceChildren(secrets(["The new key ", name(values.name)], [["Key", data.apiKey]]));
      fresh.querySelector("h2").focus();
      await fill();
    },
  });
  const section = card("API keys", rows, error);
  section.querySelector("h2").tabIndex = -1;
  return [section, fresh, card("New key", make)];
}

function users(app, base) {
  return card("Users", ...list({
    title: "Users", search: "Search by start of name or uid", empty: "This app has no users yet. Your back end makes them with its REST API key.",
    load: (ask) => call("GET", `${base}/users?${ask}`),
    filters: [{ name: "show", title: "Show", options: [["", "Everybody"], ["online", "Online"], ["active", "Not deactivated"], ["deactivated", "Deactivated"]] }],
    heads: ["Name", "uid", "Status", "Role", "Made"],
    row: (user) => [el("a", { href: "#/" + path("app", app.id, "users", user.uid) }, name(user.name)), code(user.uid), status(user), user.role, time(user.createdAt)],
  }));
}

function groups(app, base) {
  return card("Groups", ...list({
    title: "Groups", search: "Search by start of name or guid", empty: "This app has no groups yet.",
    load: (ask) => call("GET", `${base}/groups?${ask}`),
    heads: ["Name", "guid", "Type", "Members", "Owner", "Made"],
    row: (group) => [el("a", { href: "#/" + path("app", app.id, "groups", group.guid) }, name(group.name)), code(group.guid), group.type,
      number(group.membersCount), code(group.owner), time(group.createdAt)],
  }));
}
