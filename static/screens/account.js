// One's own account.

import { call, session } from "../api.js";
import { me } from "../me.js";
import { card, html, name } from "../ui/base.js";
import { Form, Field } from "../ui/forms.js";
import { plainFrame } from "../ui/frames.js";
import { Sessions } from "./admins.js";
import { chosen, newPassword } from "./door.js";

export async function show() {
  const { data: sessions } = await call("GET", "sessions");
  const act = async (values, node) => {
    const password = chosen(values);
    session.keep((await call("POST", "password", { current: values.current, password })).data.session);
    node.reset();
    return "The password is changed. Your other sessions have ended.";
  };
  return plainFrame("Account", [
    card("Password", html`<p class="dim">You are logged in as <strong>${name(me().name)}</strong>, with the role ${me().role}.</p>`,
      // Password managers want to know whose it is.
      html`<${Form} submit="Change password" act=${act}>
        <input type="text" name="name" value=${me().name} autocomplete="username" hidden aria-label="Name" />
        <${Field} title="Current password" name="current" type="password" required autocomplete="current-password" />${newPassword("New password")}<//>`),
    card("Sessions", html`<${Sessions} base="sessions" first=${sessions} />`)]);
}
