// Talks to the server. The session's secret is kept for this tab alone.

const STORE = "hobnob-admin";

/** What the server refused, in words for people. */
export class Refusal extends Error {}

export const session = {
  get: () => sessionStorage.getItem(STORE),
  keep: (secret) => sessionStorage.setItem(STORE, secret),
  drop: () => sessionStorage.removeItem(STORE),
  /** Called when the server no longer knows the session. */
  onOver: () => {},
};

/** Calls the server; gives `data` and, for lists, `meta`. Throws a `Refusal`. */
export async function call(method, path, body) {
  const headers = {};
  const secret = session.get();
  if (secret) headers["X-Hobnob-Admin"] = secret;
  if (body) headers["Content-Type"] = "application/json";
  let reply;
  try {
    const response = await fetch("api/" + path, { method, headers, body: body && JSON.stringify(body) });
    reply = await response.json();
  } catch {
    throw new Refusal("The server does not answer. Is it running?");
  }
  if (!reply.error) return reply;
  if (secret && reply.error.code === "AUTH_ERR_EMPTY_AUTH_HEADER") {
    session.drop();
    session.onOver();
  }
  const details = Object.values(reply.error.details ?? {}).flat().join(" ");
  throw new Refusal(details || reply.error.message);
}

/** A path from its pieces, each encoded. */
export function path(...pieces) {
  return pieces.map(encodeURIComponent).join("/");
}
