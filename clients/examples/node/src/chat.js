// The chat server's REST API, as far as this back end needs it.

'use strict';

class ChatError extends Error {
  constructor(status, error) {
    super(error?.message ?? `status ${status}`);
    this.status = status;
    this.code = error?.code;
  }
}

/** `url` is that of the server, the key one with full access: it stays in the back end. */
function chatApi({ url, appId, apiKey }) {
  async function ask(method, path, body, as) {
    const headers = { appId, apiKey, 'content-type': 'application/json' };
    if (as) headers.onBehalfOf = as;
    const response = await fetch(`${url}/v3${path}`, { method, headers, body: body && JSON.stringify(body) });
    const answer = await response.json();
    if (!response.ok) throw new ChatError(response.status, answer.error);
    return answer.data;
  }

  return {
    /** Makes the user if there is none, and brings the name up to date. */
    async provision(uid, name) {
      try {
        return await ask('POST', '/users', { uid, name });
      } catch (error) {
        if (error.code !== 'ERR_UID_ALREADY_EXISTS') throw error;
        return ask('PUT', `/users/${encodeURIComponent(uid)}`, { name });
      }
    },
    /** What a client of this user logs in with. */
    async token(uid) {
      return (await ask('POST', `/users/${encodeURIComponent(uid)}/auth_tokens`, {})).authToken;
    },
    say(from, to, text) {
      const message = { category: 'message', type: 'text', receiver: to, receiverType: 'user', data: { text } };
      return ask('POST', '/messages', message, from);
    },
  };
}

module.exports = { chatApi, ChatError };
