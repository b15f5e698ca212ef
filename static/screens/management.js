// Keys of the management API, which makes apps and deletes them from outside.

import { call, path } from "../api.js";
import { only } from "../me.js";
import { alert, brief, card, code, dim, html, name, table, time, useState } from "../ui/base.js";
import { secrets } from "../ui/copies.js";
import { confirm } from "../ui/dialogs.js";
import { Act, Field, Form } from "../ui/forms.js";
import { serverFrame } from "../ui/frames.js";

export async function show() {
  const { data } = await call("GET", "management-keys");
  return serverFrame("management", "Management keys", html`<${Keys} first=${data} />`);
}

function Keys({ first }) {
  const [keys, setKeys] = useState(first);
  const [fresh, setFresh] = useState(null);
  const [error, setError] = useState("");
  const fill = async () => setKeys((await call("GET", "management-keys")).data);
  const make = async (values, node) => {
    const { data } = await call("POST", "management-keys", values);
    node.reset();
    setFresh({ name: values.name, ...data });
    await fill();
  };
  const revoke = async (one) => {
    const done = await confirm({
      title: ["Revoke ", name(one.name), "?"], submit: "Revoke key", text: "Whoever uses it can no longer make apps, delete them, or change their webhooks. It cannot be brought back.",
      act: () => call("DELETE", path("management-keys", one.key)),
    });
    if (!done) return;
    setFresh(null);
    await fill();
  };
  const rows = keys.map((one) => [name(one.name), code(one.key), time(one.createdAt),
    html`<${Act} least="owner" class="small bad" refused=${setError} aria-label=${`Revoke ${brief(one.name)}`} act=${() => revoke(one)}>Revoke<//>`]);
  return html`${card("Management keys", dim("For scripts that run apps: with the headers key and secret."), table("Management keys", ["Name", "Key", "Made", ""], rows, "There is no management key."), alert(error))}
    ${fresh && secrets(["The key ", name(fresh.name)], [["Key", fresh.key], ["Secret", fresh.secret]])}
    ${only("owner", card("New key", html`<${Form} kind="row" submit="Make a key" act=${make}><${Field} title="Name" name="name" required maxlength="100" autocomplete="off" /><//>`))}`;
}
