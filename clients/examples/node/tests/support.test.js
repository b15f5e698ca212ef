'use strict';

const { once } = require('node:events');
const { createServer } = require('node:http');
const { useHobnob } = require('hobnob-test/jest');
const { chatApi } = require('../src/chat');
const { backEnd } = require('../src/server');

const webhook = { username: 'chat', password: 'the secret of the webhook' };
let answer;
let handler;
let server;

// The back end listens first, so that the seed can say where webhooks go.
const chat = useHobnob(async () => {
  server = createServer((...request) => handler(...request)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    seed: {
      clock: '2026-03-01T12:00:00Z',
      users: ['ann', 'support'],
      webhooks: [{ url: `${address()}/hooks/chat`, triggers: ['message_sent'], retries: true, ...webhook }],
    },
  };
});
const address = () => `http://127.0.0.1:${server.address().port}`;
const post = (path, body, headers = {}) => fetch(address() + path, { method: 'POST', headers, body: JSON.stringify(body) });

// The chat is as it was before each test, with the same ids once more: so must be what the back end remembers.
beforeEach(() => {
  answer = async (text) => `You said: ${text}`;
  handler = backEnd({ chat: chatApi(chat), webhook, answer: (text) => answer(text) });
});
// Webhooks that are on their way arrive before the next test.
afterEach(() => chat.clock.advance(0));
afterAll(() => server.close());

test('whoever logs in gets a token that the chat takes', async () => {
  const { token } = await (await post('/login', { user: 'dora', name: 'Dora' })).json();
  const me = await fetch(`${chat.url}/v3/me`, { headers: { appId: chat.appId, authToken: token } });
  expect((await me.json()).data).toMatchObject({ uid: 'dora', name: 'Dora' });
  // And once more, with another name.
  await post('/login', { user: 'dora', name: 'Dora D.' });
  expect(await chat.api('GET', '/users/dora')).toMatchObject({ name: 'Dora D.' });
});

test('a question is answered', async () => {
  await chat.as('ann').send({ to: 'support', text: 'Where is my parcel?' });
  await chat.until({ kind: 'event', title: 'message', user: 'ann', text: 'You said: Where is my parcel?' });
});

test('only the chat server is believed', async () => {
  const refused = await post('/hooks/chat', {}, { authorization: 'Basic wrong' });
  expect(refused.status).toBe(401);
});

test('an event that comes twice is answered once', async () => {
  const event = { trigger: 'message_sent', data: { message: { sender: 'ann', receiver: 'support', type: 'text', data: { text: 'Hello?' } } } };
  const authorization = `Basic ${btoa(`${webhook.username}:${webhook.password}`)}`;
  for (let time = 0; time < 2; time++) {
    expect((await post('/hooks/chat', event, { authorization, 'webhook-id': 'one' })).status).toBe(200);
  }
  expect(await chat.api('GET', '/users/support/messages', undefined, { as: 'ann' })).toHaveLength(1);
});

test('what fails is tried again for a day, each time later', async () => {
  answer = async () => {
    throw new Error('the parcel service is down');
  };
  await chat.as('ann').send({ to: 'support', text: 'Where is my parcel?' });
  await chat.until({ kind: 'webhook', failed: true });
  await chat.clock.advance(0);
  await chat.clock.advance('23h');
  const tries = await chat.journal({ kind: 'webhook', failed: true });
  const minutes = tries.map((one) => Math.round((one.at - tries[0].at) / 60_000));
  expect(minutes).toEqual([0, 0, 1, 5, 30, 2 * 60, 5 * 60, 10 * 60, 16 * 60]);

  answer = async () => 'It is on its way.';
  await chat.clock.advance('1h');
  await chat.until({ kind: 'event', title: 'message', user: 'ann', text: 'It is on its way.' });
});
