// Coming in: the one-time link and logging in.

import { call } from "../api.js";
import { card, dim, html } from "../ui/base.js";
import { Field, Form } from "../ui/forms.js";
import { plainFrame } from "../ui/frames.js";

const LEAST = 8;

/** Two fields for a password somebody chooses. */
export function newPassword(title) {
  const rules = { type: "password", required: true, minlength: LEAST, maxlength: 200, autocomplete: "new-password" };
  return html`<${Field} title=${title} name="password" hint=${`At least ${LEAST} characters.`} ...${rules} />
    <${Field} title="The same again" name="again" ...${rules} />`;
}

export function chosen({ password, again }) {
  if (password !== again) throw new Error("The two passwords differ.");
  return password;
}

export function setUp(link, enter) {
  const act = async (values) => {
    const password = chosen(values);
    enter((await call("POST", "setup", { link, name: values.name, password })).data.session);
  };
  return plainFrame("Set up this server", html`${card(null, dim("You become one of its admins. This link works once."),
    html`<${Form} submit="Become admin" act=${act}>
      <${Field} title="Name" name="name" required maxlength="100" autocomplete="username" autofocus hint="If the link is for a new password: the name you have." />${newPassword("Password")}<//>`)}
    <p><a href="#/">Log in instead</a></p>`, "narrow");
}

export function logIn(notice, enter) {
  const act = async (values) => enter((await call("POST", "login", values)).data.session);
  return plainFrame("Log in", html`${notice && html`<p class="notice" role="status">${notice}</p>`}
    ${card(null, html`<${Form} submit="Log in" act=${act}>
      <${Field} title="Name" name="name" required autocomplete="username" autofocus />
      <${Field} title="Password" name="password" type="password" required autocomplete="current-password" /><//>`)}
    <p class="dim">No account, or no password any more? <code>hobnob admin-link</code> prints a link that makes a new admin.</p>`, "narrow");
}
