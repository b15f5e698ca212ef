// How tests use the app: as people do, by what is on the page.

import { CometChat } from '@cometchat/chat-sdk-javascript';
import { cleanup, configure, fireEvent, render, screen, waitFor } from '@testing-library/react';
import type { Hobnob } from 'hobnob-test/vitest';
import { expect } from 'vitest';
import { App } from '../src/App';

// What takes longer than a moment on a busy machine is not wrong.
configure({ asyncUtilTimeout: 10_000 });

export async function enter(chat: Hobnob, uid: string) {
  const { appId, region, authKey, settings } = chat;
  render(<App config={{ appId, region, authKey, host: settings!.clientHost }} />);
  fireEvent.change(screen.getByLabelText('User'), { target: { value: uid } });
  fireEvent.click(screen.getByText('Log in'));
}

/** The conversation with somebody, opened, when the app is connected. */
export async function open(name: RegExp) {
  fireEvent.click(await screen.findByRole('button', { name }));
  await screen.findByRole('heading', { name });
  await waitFor(() => expect(screen.queryByRole('status')).toBeNull());
}

export function say(text: string) {
  fireEvent.input(screen.getByLabelText('Message'), { target: { value: text } });
  fireEvent.click(screen.getByText('Send'));
}

export async function leave() {
  cleanup();
  if (await CometChat.getLoggedinUser()) await CometChat.logout();
}
