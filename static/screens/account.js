// One's own account.

import { call, session } from "../api.js";
import { card, dim, html, name } from "../ui/base.js";
import { Form, Field } from "../ui/forms.js";
import { plainFrame } from "../ui/frames.js";
import { chosen, newPassword } from "./door.js";

export async function show() {
  const { data } = await call("GET", "overview");
  const act = async (values, node) => {
    const password = chosen(values);
    session.keep((await call("POST", "password", { current: values.current, password })).data.session);
    node.reset();
    return "The password is changed. Your other sessions have ended.";
  };
  return plainFrame("Account", [
    card("Password", html`<p class="dim">You are logged in as <strong>${name(data.admin)}</strong>.</p>`,
      // Password managers want to know whose it is.
      html`<${Form} submit="Change password" act=${act}>
        <input type="text" name="name" value=${data.admin} autocomplete="username" hidden aria-label="Name" />
        <${Field} title="Current password" name="current" type="password" required autocomplete="current-password" />${newPassword("New password")}<//>`),
    card("More admins", dim("Run this where the server runs. It prints a link that makes one more admin:"),
      html`<pre><code>hobnob admin-link</code></pre>`)]);
}
