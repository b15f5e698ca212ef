// Coming in: the one-time link, logging in, one's own account.

import { call, session } from "./api.js";
import { card, dim, el, field, form, name } from "./ui.js";

const LEAST = 8;

/** Two fields for a password somebody chooses. */
function newPassword(title) {
  const rules = { type: "password", required: true, minlength: LEAST, maxlength: 200, autocomplete: "new-password" };
  return [field(title, { name: "password", ...rules }, `At least ${LEAST} characters.`), field("The same again", { name: "again", ...rules })];
}

function chosen({ password, again }) {
  if (password !== again) throw new Error("The two passwords differ.");
  return password;
}

export function showSetup(link, enter) {
  return [el("div", { class: "narrow" }, el("h1", { tabindex: "-1" }, "Set up this server"),
    card(null, dim("You become its admin. This link works once."),
      form({
        fields: [field("Name", { name: "name", required: true, maxlength: 100, autocomplete: "username", autofocus: true }), ...newPassword("Password")],
        submit: "Become admin",
        act: async (values) => {
          const password = chosen(values);
          enter((await call("POST", "setup", { link, name: values.name, password })).data.session);
        },
      })),
    el("p", {}, el("a", { href: "#/" }, "Log in instead")))];
}

export function showLogin(notice, enter) {
  return [el("div", { class: "narrow" }, el("h1", { tabindex: "-1" }, "Log in"),
    notice ? el("p", { class: "notice", role: "status" }, notice) : null,
    card(null, form({
      fields: [
        field("Name", { name: "name", required: true, autocomplete: "username", autofocus: true }),
        field("Password", { name: "password", type: "password", required: true, autocomplete: "current-password" }),
      ],
      submit: "Log in",
      act: async (values) => enter((await call("POST", "login", values)).data.session),
    })),
    el("p", { class: "dim" }, "No account, or no password any more? ", el("code", {}, "hobnob admin-link"), " prints a link that makes a new admin."))];
}

export async function showAccount() {
  const { data } = await call("GET", "overview");
  const done = el("p", { class: "notice", role: "status", hidden: true }, "The password is changed. Your other sessions have ended.");
  return [el("h1", { tabindex: "-1" }, "Account"),
    card("Password", el("p", { class: "dim" }, "You are logged in as ", el("strong", {}, name(data.admin)), "."),
      form({
        // Password managers want to know whose it is.
        fields: [el("input", { type: "text", name: "name", value: data.admin, autocomplete: "username", hidden: true, "aria-label": "Name" }),
          field("Current password", { name: "current", type: "password", required: true, autocomplete: "current-password" }),
          ...newPassword("New password")],
        submit: "Change password",
        act: async (values, node) => {
          done.hidden = true;
          const password = chosen(values);
          session.keep((await call("POST", "password", { current: values.current, password })).data.session);
          node.reset();
          done.hidden = false;
        },
      }), done),
    card("More admins", dim("Run this where the server runs. It prints a link that makes one more admin:"),
      el("pre", {}, el("code", {}, "hobnob admin-link")))];
}
