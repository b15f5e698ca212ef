import { cleanup, fireEvent, render, screen } from '@testing-library/react';
import { CometChat } from '@cometchat/chat-sdk-javascript';
import { useHobnob } from 'hobnob-test/vitest';
import { afterEach, expect, test } from 'vitest';
import { App } from '../src/App';

const chat = useHobnob({ seed: 'tests/seed.yaml' });

afterEach(async () => {
  cleanup();
  await CometChat.logout();
});

async function enter(uid: string) {
  const { appId, region, authKey, settings } = chat;
  render(<App config={{ appId, region, authKey, host: settings!.clientHost }} />);
  fireEvent.change(screen.getByLabelText('User'), { target: { value: uid } });
  fireEvent.click(screen.getByText('Log in'));
}

test('what was said before is there, with what is unread', async () => {
  await enter('ann');
  const bob = await screen.findByRole('button', { name: /Bob/ });
  expect(bob.textContent).toContain('In an hour');
  expect(screen.getByLabelText('unread').textContent).toBe('1');
  fireEvent.click(bob);
  await screen.findByText('Are you coming?');
  await chat.until({ kind: 'event', title: 'receipts' });
});
