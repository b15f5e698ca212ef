// Against a real server: HOBNOB_BIN names the program.

import assert from 'node:assert/strict';
import { rm, writeFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { startHobnob, HobnobError } from '../index.js';

const seed = {
  clock: '2026-03-01T12:00:00Z',
  users: [{ uid: 'ann', token: 'ann-token' }, { uid: 'bob', token: 'bob-token' }],
  messages: [{ from: 'ann', to: 'bob', text: 'first' }],
};
let chat;
before(async () => {
  chat = await startHobnob({ seed });
});
after(() => chat.stop());

const texts = async () => (await chat.api('GET', '/users/bob/messages', undefined, { as: 'ann' })).map((m) => m.data.text);

test('what is done is undone by a reset', async () => {
  await chat.reset();
  const sent = await chat.as('ann').send({ to: 'bob', text: 'second' });
  assert.deepEqual(await texts(), ['first', 'second']);
  await chat.as('bob').read(sent.id);
  await chat.reset();
  assert.deepEqual(await texts(), ['first']);
  const again = await chat.as('ann').send({ to: 'bob', text: 'second' });
  assert.equal(again.id, sent.id);
});

test('the clock is turned', async () => {
  await chat.reset();
  assert.equal((await chat.clock.now()).iso, '2026-03-01T12:00:00.000Z');
  const { sessionid } = (await chat.as('ann').call({ to: 'bob' })).data.entities.on.entity;
  await chat.clock.advance('61s');
  const call = await chat.api('GET', `/calls/${sessionid}`);
  assert.equal(call.status, 'unanswered');
});

test('faults befall requests, and moments come back', async () => {
  await chat.reset();
  await chat.snapshot('here');
  await chat.faults.add({ on: { path: '/users' }, times: 1, status: 503 });
  await assert.rejects(chat.api('GET', '/users'), (error) => error instanceof HobnobError && error.status === 503);
  assert.equal((await chat.api('GET', '/users')).length, 2);
  assert.deepEqual(await chat.faults.dropSocket('ann'), { sockets: 0 });
  await chat.as('bob').send({ to: 'ann', text: 'gone' });
  await chat.restore('here');
  assert.deepEqual(await texts(), ['first']);
  await assert.rejects(chat.restore('nowhere'), /here/);
});

test('what happens is waited for', async () => {
  await chat.reset();
  const waiting = chat.until({ kind: 'event', user: 'bob', text: 'soon' });
  await chat.as('ann').send({ to: 'bob', text: 'soon' });
  const event = await waiting;
  assert.equal(event.title, 'message');
  assert.equal((await chat.until((entry) => entry.kind === 'event')).n, event.n);
  assert.equal((await chat.journal({ kind: 'event' })).length, 1);
  await assert.rejects(chat.until({ user: 'eve' }, { timeout: 1 }), /0 of 1.*event message/);
  await assert.rejects(chat.until(() => false, { timeout: 1 }), /In 1 ms nothing fitted.*event message \(ann, bob\)/);
  assert.equal((await chat.journal({ kind: 'event', user: undefined })).length, 1);
  await assert.rejects(chat.clock.set(new Date('never')), RangeError);
});

test('what is waited for may come after a reset', async () => {
  await chat.reset();
  await chat.as('ann').send({ to: 'bob', text: 'before' });
  const waiting = chat.until((entry) => entry.kind === 'event' && JSON.stringify(entry).includes('after it'));
  await chat.reset();
  await chat.as('ann').send({ to: 'bob', text: 'after it' });
  assert.equal((await waiting).title, 'message');
  await assert.rejects(chat.until({ user: 'eve' }, { timeout: -1 }), RangeError);
});

test('what is no server, or has ended, is said to be', async () => {
  await assert.rejects(startHobnob({ bin: '/bin/echo' }), /echo is no Hobnob.*: test/);
  const other = await startHobnob();
  await other.stop();
  await assert.rejects(other.reset(), /the server has ended \(0\)/);
});

test('a seed may be a file beside the test', async () => {
  const file = new URL('beside.json', import.meta.url);
  await writeFile(file, JSON.stringify({ users: ['cy'] }));
  const other = await startHobnob({ seed: file });
  await rm(file);
  assert.deepEqual((await other.api('GET', '/users')).map((user) => user.uid), ['cy']);
  await other.stop();
});

test('who started it may speak https with it', async () => {
  const answer = await fetch(`${chat.httpsUrl}/v3/me`, { headers: { appId: chat.appId, authToken: 'ann-token' } });
  assert.equal((await answer.json()).data.uid, 'ann');
});

test('what is wrong with a seed is told', async () => {
  await assert.rejects(startHobnob({ seed: { usres: [] } }), /usres.*users/);
  await assert.rejects(startHobnob({ bin: '/nowhere/hobnob' }), /HOBNOB_BIN/);
});
