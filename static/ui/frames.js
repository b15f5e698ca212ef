// What stands around a screen: the way back up, the title, and the parts of an app or of the server beside it.

import { html, name } from "./base.js";
import { path } from "../api.js";
import { may } from "../me.js";

const APP = {
  "": "Overview", users: "Users", groups: "Groups", conversations: "Conversations", moderation: "Moderation", webhooks: "Webhooks", keys: "Keys", settings: "Settings",
};

const SERVER = { "": "Apps", figures: "Figures", health: "Health", log: "Log", tail: "Live", admins: "Admins", management: "Management keys", audit: "Audit log" };
/** Parts that a role below does not see. */
const LEAST = { conversations: "moderator", moderation: "moderator", webhooks: "admin", tail: "admin", admins: "admin", management: "admin", audit: "admin" };

/** The address of something in an app. */
export const inApp = (app, ...pieces) => "#/" + path("app", app.id, ...pieces);
export const userLink = (app, user) => html`<a href=${inApp(app, "users", user.uid)}>${name(user.name)}</a>`;

// What an act of a form or a button gives back, to be done if its screen is still the one that is shown.

/** Shows the screen anew, after something changed that its title or its parts show. */
export const reload = () => dispatchEvent(new HashChangeEvent("hashchange"));
/** Goes on to another screen. */
export const to = (address) => () => { location.hash = address; };

function crumbs(links) {
  return html`<nav class="crumbs" aria-label="Where you are"><ol>${links.map(([text, href]) => html`<li><a href=${href}>${text}</a></li>`)}</ol></nav>`;
}

function parts(label, links) {
  return html`<nav class="parts" aria-label=${label}>${links.map(([text, href, here]) => html`<a href=${href} aria-current=${here ? "page" : null}>${text}</a>`)}</nav>`;
}

/** A screen of an app: `part` of it, or with `title` one thing of that part. */
export function appFrame(app, part, content, title) {
  const links = seen(APP).map(([key, text]) => [text, inApp(app, ...(key ? [key] : [])), key === part]);
  const up = [["Apps", "#/"], ...(title ? [[name(app.name), inApp(app)], [APP[part], inApp(app, part)]] : [])];
  return html`<div class="sides">${parts("Parts of the app", links)}<div class="content">${crumbs(up)}
    <h1 tabindex="-1">${title ?? name(app.name)}</h1>${content}</div></div>`;
}

/** Links between the screens of one part. */
export function subparts(label, links) {
  return html`<nav class="subparts" aria-label=${label}>${links.map(([text, href, here]) => html`<a href=${href} aria-current=${here ? "page" : null}>${text}</a>`)}</nav>`;
}

const seen = (all) => Object.entries(all).filter(([key]) => !LEAST[key] || may(LEAST[key]));

/** A screen of the server: `part` of it. */
export function serverFrame(part, title, content) {
  const links = seen(SERVER).map(([key, text]) => [text, "#/" + key, key === part]);
  return html`<div class="sides">${parts("Parts of the server", links)}<div class="content"><h1 tabindex="-1">${title}</h1>${content}</div></div>`;
}

/** A screen without parts beside it. */
export function plainFrame(title, content, kind = "") {
  return html`<div class=${kind}><h1 tabindex="-1">${title}</h1>${content}</div>`;
}

export { crumbs };
