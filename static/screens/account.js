// One's own account.

import { call, session } from "../api.js";
import { me, meet } from "../me.js";
import { card, html, name, useState } from "../ui/base.js";
import { Copied, once } from "../ui/copies.js";
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
    html`<${Device} />`,
    card("Sessions", html`<${Sessions} base="sessions" first=${sessions} />`)]);
}

/** A second factor: codes of a device (TOTP), asked for beside the password. */
function Device() {
  const [on, setOn] = useState(me().totp);
  const [made, setMade] = useState(null);
  const [codes, setCodes] = useState(null);
  const password = html`<${Field} title="Password" name="current" type="password" required autocomplete="current-password" />`;
  const enrol = async (values) => setMade((await call("POST", "totp", values)).data);
  const confirmed = async (values) => {
    setCodes((await call("POST", "totp/confirm", values)).data.recoveryCodes);
    setMade(null);
    setOn(true);
    await meet(true);
  };
  const remove = async (values) => {
    await call("DELETE", "totp", values);
    setCodes(null);
    setOn(false);
    await meet(true);
  };
  if (made) {
    return card("Second factor", html`<p>Let your device read the picture, or type the secret into its app. Then write the code that it shows.</p>
      ${made.picture && html`<img class="code-picture" src=${"data:image/svg+xml," + encodeURIComponent(made.picture)} alt="The address below as a QR code" />`}
      <dl class="values"><div><dt>Secret</dt><dd><${Copied} text=${made.secret} what="the secret" /></dd></div>
        <div><dt>Address</dt><dd><a href=${made.url}>Add to an app on this device</a></dd></div></dl>
      <${Form} key="confirm" submit="Switch on" act=${confirmed} more=${html`<button type="button" onClick=${() => setMade(null)}>Cancel</button>`}>
        <${Field} title="Code" name="code" required autocomplete="one-time-code" inputmode="numeric" maxlength="10" autofocus /><//>`);
  }
  return html`${codes && once("Codes that stand in for your device", "Each works once. They are shown only now: keep them where the device is not.", codes.map((code, at) => [`Code ${at + 1}`, code]))}
    ${on ? card("Second factor", html`<p>A code of your device is asked for at each log-in.</p><${Form} key="off" submit="Switch off" danger act=${remove}>${password}<//>`)
    : card("Second factor", html`<p class="dim">With it, a log-in takes a code of a device beside the password.</p><${Form} key="on" submit="Set up a device" act=${enrol}>${password}<//>`)}`;
}
