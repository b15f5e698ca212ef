// The API keys of an app.

import { call, path } from "../api.js";
import { only } from "../me.js";
import { alert, brief, card, code, html, name, table, time, useRef, useState } from "../ui/base.js";
import { secrets } from "../ui/copies.js";
import { confirm } from "../ui/dialogs.js";
import { Act, Choice, Field, Form } from "../ui/forms.js";
import { appFrame } from "../ui/frames.js";

export async function show(app) {
  const base = path("apps", app.id) + "/keys";
  const { data } = await call("GET", base + "?perPage=1000");
  return appFrame(app, "keys", html`<${Keys} base=${base} first=${data} />`);
}

function Keys({ base, first }) {
  const [keys, setKeys] = useState(first);
  const [fresh, setFresh] = useState(null);
  const [error, setError] = useState("");
  const list = useRef(null);
  const fill = async () => setKeys((await call("GET", base + "?perPage=1000")).data);
  const revoke = async (id, key) => {
    setError("");
    const done = await confirm({
      title: ["Revoke ", name(key.name), "?"], submit: "Revoke key",
      text: `Whoever uses this key (${key.apiKey.slice(0, 4)}…, ${key.scope}) loses access at once. It cannot be brought back.`,
      act: () => call("DELETE", base + "/" + path(String(id))),
    });
    if (!done) return;
    setFresh(null);
    try {
      await fill();
    } catch (refusal) {
      setError(refusal.message);
    }
    list.current.querySelector("h2").focus();
  };
  const make = async (values, node) => {
    const { data } = await call("POST", base, values);
    node.reset();
    setFresh({ name: values.name, apiKey: data.apiKey });
    await fill();
  };
  return html`<div ref=${list}>${card("API keys", table("API keys", ["Name", "Key", "Scope", "Made", ""], keys.map(({ id, key }) => [
    name(key.name), code(key.apiKey.slice(0, 4) + "…"), key.scope, time(key.createdAt),
    html`<${Act} least="admin" class="small bad" aria-label=${`Revoke ${brief(key.name)}`} act=${() => revoke(id, key)}>Revoke<//>`,
  ]), "This app has no key: nothing can reach it. Make one below."), alert(error))}</div>
  ${fresh && secrets(["The new key ", name(fresh.name)], [["Key", fresh.apiKey]])}
  ${only("admin", card("New key", html`<${Form} kind="row" submit="Create key" act=${make}>
    <${Field} title="Name" name="name" required maxlength="100" autocomplete="off" />
    <${Choice} title="Scope" name="scope" options=${[["authOnly", "authOnly: logs users in"], ["fullAccess", "fullAccess: may do everything"]]} /><//>`))}`;
}
