// Who is logged in, and what their role lets them do. The server decides; the page leaves out what it would refuse.

import { call } from "./api.js";

const ROLES = ["viewer", "moderator", "admin", "owner"];

/** What each role may do, in a few words. */
export const ROLE_CHOICES = [["viewer", "Viewer: sees figures, users and groups, no messages"], ["moderator", "Moderator: reads and moderates"],
  ["admin", "Admin: everything in apps and on the server"], ["owner", "Owner: lets others in and out as well"]];

let known = null;

/** Asks who it is, once a session, or `again` when something of it changed. */
export async function meet(again = false) {
  if (again || !known) known = (await call("GET", "me")).data;
  return known;
}

/** Somebody else may be there now, or with another role. */
export const forget = () => (known = null);
export const me = () => known;

/** The piece of page, for those whose role it takes. */
export const only = (role, piece) => (may(role) ? piece : null);

/** Whether the one who is logged in has this role, or one above it. */
export const may = (role) => ROLES.indexOf(known?.role) >= ROLES.indexOf(role);
