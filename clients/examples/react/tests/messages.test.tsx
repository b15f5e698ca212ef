import { screen } from '@testing-library/react';
import { useHobnob } from 'hobnob-test/vitest';
import { afterEach, expect, test } from 'vitest';
import { enter, leave, open, say } from './page';

// One server for this file, back at the seed before each test.
const chat = useHobnob({ seed: 'tests/seed.yaml' });
afterEach(leave);

test('what was said before is there, and how much of it is unread', async () => {
  await enter(chat, 'ann');
  const bob = await screen.findByRole('button', { name: /Bob/ });
  expect(bob.textContent).toContain('In an hour');
  expect(screen.getByLabelText('unread').textContent).toBe('1');
  await open(/Bob/);
  await screen.findByText('Are you coming?');
  await chat.until({ kind: 'event', title: 'receipts', user: 'ann' });
});

test('a message arrives', async () => {
  await enter(chat, 'ann');
  await open(/Bob/);
  await chat.as('bob').type({ to: 'ann' });
  await screen.findByText('Bob is typing …');
  await chat.as('bob').send({ to: 'ann', text: 'I am here' });
  await screen.findByText('I am here', { selector: 'li' });
  expect(screen.queryByText('Bob is typing …')).toBeNull();
});

test('a message in another conversation is counted', async () => {
  await enter(chat, 'ann');
  await open(/Bob/);
  await chat.as('cy').send({ to: 'ann', text: 'one' });
  await chat.as('cy').send({ to: 'ann', text: 'two' });
  await screen.findByText('2', { selector: '[aria-label=unread]' });
});

test('what is sent gets to the other', async () => {
  await enter(chat, 'ann');
  await open(/Bob/);
  say('See you');
  await screen.findByText('See you', { selector: 'li' });
  await chat.until({ kind: 'event', title: 'message', user: 'bob', text: 'See you' });
});

test('what the server refuses is told', async () => {
  await enter(chat, 'ann');
  await open(/Bob/);
  await chat.faults.add({ on: { method: 'POST', path: '/messages' }, times: 1, status: 500, message: 'Something broke' });
  say('lost?');
  expect((await screen.findByRole('alert')).textContent).toBe('Something broke');
  say('once more');
  await screen.findByText('once more', { selector: 'li' });
  expect(screen.queryByRole('alert')).toBeNull();
});

test('who is not there cannot log in', async () => {
  await enter(chat, 'eve');
  expect((await screen.findByRole('alert')).textContent).toMatch(/eve/);
});
