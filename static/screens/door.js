// Coming in: the one-time link and logging in.

import { call } from "../api.js";
import { card, dim, html, useState } from "../ui/base.js";
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

function LogIn({ enter }) {
  const [coded, setCoded] = useState(false);
  const act = async (values, node) => {
    try {
      enter((await call("POST", "login", values)).data.session);
    } catch (refusal) {
      // The password is right; the device is asked next.
      if (refusal.params?.code !== "missing" || coded) throw refusal;
      setCoded(true);
      setTimeout(() => node.elements.code?.focus());
    }
  };
  return html`<${Form} submit="Log in" act=${act}>
    <${Field} title="Name" name="name" required autocomplete="username" autofocus />
    <${Field} title="Password" name="password" type="password" required autocomplete="current-password" />
    ${coded && html`<${Field} title="Code of your device" name="code" required autocomplete="one-time-code" inputmode="text" maxlength="40" hint="Or one of the codes that stand in for it." />`}<//>`;
}

export function logIn(notice, enter) {
  return plainFrame("Log in", html`${notice && html`<p class="notice" role="status">${notice}</p>`}
    ${card(null, html`<${LogIn} enter=${enter} />`)}
    <p class="dim">No password any more? <code>hobnob admin reset NAME</code> prints a link to a new one, and <code>hobnob admin-link</code> one that makes an admin.</p>`, "narrow");
}
