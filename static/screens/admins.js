// Admins: who they are, letting others in and out, their roles and sessions.

import { call, path } from "../api.js";
import { may, me, ROLE_CHOICES } from "../me.js";
import { alert, brief, card, code, dim, html, name, number, pill, table, time, useState } from "../ui/base.js";
import { once } from "../ui/copies.js";
import { ask, confirm, look } from "../ui/dialogs.js";
import { Act, Choice, Form } from "../ui/forms.js";
import { reload, serverFrame } from "../ui/frames.js";

export async function show() {
  const [{ data: admins }, open] = await Promise.all([call("GET", "admins"), may("owner") ? call("GET", "invitations") : { data: [] }]);
  return serverFrame("admins", "Admins", html`<${Admins} all=${admins} first=${open.data} />`);
}

const WHY = "Whoever opens it chooses a name and a password. It works once, for a day, and is shown only now.";

function Admins({ all, first }) {
  const [error, setError] = useState("");
  const [open, setOpen] = useState(first);
  const fill = async () => setOpen((await call("GET", "invitations")).data);
  const [fresh, setFresh] = useState(null);
  const owner = may("owner");
  const invite = async (values) => {
    setFresh({ title: "A link for one more admin", why: WHY, ...(await call("POST", "admins", values)).data });
    await fill();
  };
  const withdraw = async (one) => {
    await call("DELETE", path("invitations", one.id));
    setFresh(null);
    await fill();
  };
  const rerole = async (admin) => {
    const done = await ask({
      title: ["What may ", name(admin.name), " do?"], submit: "Change role", fields: html`<${Choice} title="Role" name="role" options=${ROLE_CHOICES} value=${admin.role} />`,
      act: (values) => call("PUT", path("admins", admin.id), values),
    });
    return done && reload;
  };
  const reset = async (admin) => {
    let made;
    const done = await confirm({
      title: ["A new password for ", name(admin.name), "?"], submit: "Make a link", text: "Whoever opens the link chooses a new password. Their sessions end then, and no code of a device is asked for any more.",
      act: async () => { made = (await call("POST", path("admins", admin.id, "reset"), {})).data; },
    });
    if (!done) return;
    setFresh({ title: ["A link for ", name(admin.name)], why: "It gives them a new password. It works once, for a day, and is shown only now.", ...made });
    await fill();
  };
  const untie = async (admin) => {
    const done = await confirm({
      title: ["Take off the second factor of ", name(admin.name), "?"], submit: "Take it off", text: "Their password alone lets them in, until they set up a device again.",
      act: () => call("DELETE", path("admins", admin.id, "totp")),
    });
    return done && reload;
  };
  const remove = async (admin) => {
    const done = await confirm({
      title: ["Remove ", name(admin.name), "?"], submit: "Remove admin", text: "Their sessions end at once. What they did stays in the audit log.",
      act: () => call("DELETE", path("admins", admin.id)),
    });
    return done && reload;
  };
  const row = (admin) => [html`<span>${name(admin.name)}${admin.name === me().name ? html` <span class="dim">(you)</span>` : ""}</span>`, admin.role, admin.totp ? pill("on", "on") : pill("off"), number(admin.sessions), time(admin.createdAt),
    owner && html`<div class="buttons tight">
      <${Act} class="small" refused=${setError} aria-label=${`Role of ${brief(admin.name)}`} act=${() => rerole(admin)}>Role…<//>
      <${Act} class="small" refused=${setError} aria-label=${`Sessions of ${brief(admin.name)}`} act=${() => lookSessions(admin)}>Sessions<//>
      <${Act} class="small" refused=${setError} aria-label=${`New password for ${brief(admin.name)}`} act=${() => reset(admin)}>New password…<//>
      ${admin.totp && html`<${Act} class="small" refused=${setError} aria-label=${`Take off the second factor of ${brief(admin.name)}`} act=${() => untie(admin)}>Take off the second factor…<//>`}
      <${Act} class="small bad" refused=${setError} aria-label=${`Remove ${brief(admin.name)}`} act=${() => remove(admin)}>Remove…<//></div>`];
  return html`${fresh && once(fresh.title, fresh.why, [["Link", fresh.url]])}
    ${card("Admins", table("Admins", ["Name", "Role", "Second factor", "Sessions", "Made", ""], all.map(row), "There is no admin."), alert(error))}
    ${owner && card("Open links", table("Open links", ["For", "By", "Made", "Until", ""], open.map((one) => [one.admin ? html`<span>a new password of ${name(one.admin)}</span>` : `one more ${one.role}`, one.madeBy ? name(one.madeBy) : "the machine",
    time(one.createdAt), time(one.expiresAt), html`<${Act} class="small bad" refused=${setError} aria-label=${`Withdraw the link for ${one.admin ? brief(one.admin) : `one more ${one.role}`}`} act=${() => withdraw(one)}>Withdraw<//>`]),
    "Nobody was let in who has not come yet."))}
    ${owner && card("One more admin", dim("Makes a link that you hand on."), html`<${Form} kind="row" submit="Make a link" act=${invite}><${Choice} title="Role" name="role" options=${ROLE_CHOICES} value="moderator" /><//>`)}`;
}

async function lookSessions(admin) {
  const base = path("admins", admin.id, "sessions");
  await look(["Sessions of ", name(admin.name)], () => html`<${Sessions} base=${base} />`);
  return reload;
}

/** Sessions, with a button that ends one. */
export function Sessions({ base, first }) {
  const [all, setAll] = useState(first);
  const [error, setError] = useState("");
  const fill = async () => setAll((await call("GET", base)).data);
  if (!all && !error) fill().catch((refusal) => setError(refusal.message));
  const end = async (one) => {
    await call("DELETE", `${base}/${path(one.id)}`);
    if (!one.current) await fill();
  };
  const rows = (all ?? []).map((one) => [one.address ? code(one.address) : "unknown", time(one.createdAt), time(one.expiresAt),
    one.current ? html`<span class="dim">this one</span>` : html`<${Act} class="small bad" refused=${setError} aria-label=${`End session ${one.id}`} act=${() => end(one)}>End<//>`]);
  return html`${all ? table("Sessions", ["From", "Since", "Until", ""], rows, "They are not logged in.") : dim("Loading…")}${alert(error)}`;
}
