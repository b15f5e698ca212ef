// A back end with two jobs: whoever is logged in to it gets a token for the chat, and questions to `support` are answered.

'use strict';

const { timingSafeEqual } = require('node:crypto');

const BODY = 1 << 20;

async function read(request) {
  const parts = [];
  let size = 0;
  for await (const part of request) {
    size += part.length;
    if (size > BODY) throw new Error('the body is too long');
    parts.push(part);
  }
  return JSON.parse(Buffer.concat(parts).toString());
}

/** Whether the request bears the name and the password that the webhook was given. */
function isFromChat(request, { username, password }) {
  const expected = Buffer.from(`Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`);
  const given = Buffer.from(request.headers.authorization ?? '');
  return given.length === expected.length && timingSafeEqual(given, expected);
}

/**
 * What a server does with requests. `chat` is of `chatApi`, `webhook` the name and password of the chat server's webhook, `answer` gives the text of an answer.
 * `done` has the ids of events that were dealt with, for each comes at least once; in production it is a table.
 */
function backEnd({ chat, webhook, answer, done = new Set() }) {
  async function login({ user, name }) {
    // Here your own login would be checked.
    await chat.provision(user, name);
    return { token: await chat.token(user) };
  }

  async function told(event) {
    const { message } = event.data;
    if (event.trigger !== 'message_sent' || message.receiver !== 'support' || message.type !== 'text') return;
    await chat.say('support', message.sender, await answer(message.data.text));
  }

  return async (request, response) => {
    const end = (status, body = {}) => response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    try {
      const { method, url } = request;
      if (method === 'POST' && url === '/login') return end(200, await login(await read(request)));
      if (method === 'POST' && url === '/hooks/chat') {
        if (!isFromChat(request, webhook)) return end(401);
        const id = request.headers['webhook-id'];
        if (!done.has(id)) await told(await read(request));
        done.add(id);
        return end(200);
      }
      return end(404);
    } catch (error) {
      // The chat server tries again what was answered so.
      return end(500, { error: error.message });
    }
  };
}

module.exports = { backEnd };
