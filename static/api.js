// Talks to the server. The session's secret is kept for this tab alone.

const STORE = "hobnob-admin";

/** What the server refused, in words for people; `code` and `params` are the contract's, if it answered. */
export class Refusal extends Error {
  constructor(message, code, params) {
    super(message);
    this.code = code;
    this.params = params ?? {};
  }
}

export const session = {
  get: () => sessionStorage.getItem(STORE),
  keep: (secret) => sessionStorage.setItem(STORE, secret),
  drop: () => sessionStorage.removeItem(STORE),
  /** Called when the server no longer knows the session. */
  onOver: () => {},
};

/** Calls the admin API; gives `data` and, for lists, `meta`. Throws a `Refusal`. */
export const call = (method, path, body) => send(method, "api/" + path, body, {});

/** Calls the REST API of an app as its admin, or with `as` in the name of a user. */
export function rest(app, method, path, body, as) {
  return send(method, "../v3/" + path, body, as ? { appId: app.id, onBehalfOf: as } : { appId: app.id });
}

async function send(method, address, body, headers) {
  const secret = session.get();
  if (secret) headers["X-Hobnob-Admin"] = secret;
  const form = body instanceof FormData;
  if (body && !form) headers["Content-Type"] = "application/json";
  let reply;
  try {
    const response = await fetch(address, { method, headers, body: form ? body : body && JSON.stringify(body) });
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
  throw new Refusal(details || reply.error.message, reply.error.code, reply.error.params);
}

/** A path from its pieces, each encoded. */
export function path(...pieces) {
  return pieces.map((piece) => encodeURIComponent(piece)).join("/");
}
