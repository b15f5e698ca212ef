// One user: the profile, whether logging in is allowed, and the logins there are.

import { call, path } from "./api.js";
import { alert, card, code, confirm, crumbs, dim, el, facts, list, name, pill, plain, time } from "./ui.js";

export function status(user) {
  if (user.deactivatedAt) return pill("deactivated", "off");
  return user.status === "available" ? pill("online", "on") : pill("offline", "");
}

export async function showUser(app, uid) {
  const base = path("apps", app.id, "users", uid);
  const { data: first } = await call("GET", base);
  const about = el("section", { class: "card" });
  const logins = el("section", { class: "card" });
  const error = alert();
  const change = async (what) => {
    error.textContent = "";
    try {
      fill((await call("POST", `${base}/${what}`)).data);
      about.querySelector("h2").focus();
    } catch (refusal) {
      error.textContent = refusal.message;
    }
  };
  const deactivate = async () => {
    let changed;
    const done = await confirm({
      title: ["Deactivate ", name(first.name), "?"], submit: "Deactivate",
      text: "All devices are logged out at once, logging in is refused, and other users no longer see this user in lists. Messages stay. You can reactivate the user later.",
      act: async () => { changed = (await call("POST", base + "/deactivate")).data; },
    });
    if (done) {
      fill(changed);
      about.querySelector("h2").focus();
    }
  };
  const fill = (user) => {
    const button = user.deactivatedAt
      ? el("button", { type: "button", click: () => change("reactivate") }, "Reactivate")
      : el("button", { type: "button", class: "bad", click: deactivate }, "Deactivate…");
    about.replaceChildren(el("h2", { tabindex: "-1" }, "About"),
      facts([["uid", code(user.uid)], ["Status", status(user)], ["Role", user.role], ["Made", time(user.createdAt)],
        ["Last active", time(user.lastActiveAt)], ["Deactivated", user.deactivatedAt && time(user.deactivatedAt)],
        ["Status message", user.statusMessage && name(user.statusMessage)], ["Avatar", user.avatar && code(user.avatar)], ["Link", user.link && code(user.link)],
        ["Tags", user.tags?.length ? name(user.tags.join(", ")) : null],
        ["Metadata", user.metadata && el("pre", {}, JSON.stringify(user.metadata, null, 2))]]),
      el("div", { class: "buttons" }, button), error);
    logins.replaceChildren(el("h2", { tabindex: "-1" }, "Logins"), ...sessions());
  };
  const sessions = () => {
    const [, rows, pager] = list({
      title: "Logins", search: "Search", empty: "Nobody is logged in as this user.", heads: ["Device", "Since", "Token", ""],
      load: (ask) => call("GET", `${base}/logins?${ask}`),
      row: ({ id, login }) => {
        const what = [login.platform, login.deviceId].filter(Boolean).join(" · ") || "Unknown device";
        return [el("div", {}, name(what), login.userAgent ? el("div", { class: "hint" }, name(login.userAgent)) : null),
          time(login.createdAt), code("…" + login.authToken.replaceAll("*", "").slice(-4) + "…"),
          el("button", { type: "button", class: "small bad", "aria-label": `End the login ${plain(what)}`, click: () => end(id, what) }, "End")];
      },
    });
    return [rows, pager];
  };
  const end = async (id, what) => {
    const done = await confirm({
      title: "End this login?", submit: "End login", text: ["The device is logged out at once and its connection closes:", name(what)],
      act: () => call("DELETE", `${base}/${path("logins", String(id))}`),
    });
    if (!done) return;
    logins.replaceChildren(el("h2", { tabindex: "-1" }, "Logins"), ...sessions());
    logins.querySelector("h2").focus();
  };
  fill(first);
  return [crumbs(["Apps", "#/"], [name(app.name), "#/" + path("app", app.id)], ["Users", "#/" + path("app", app.id, "users")]),
    el("h1", { tabindex: "-1" }, name(first.name)), about, logins];
}
