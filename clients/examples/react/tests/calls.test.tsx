import { fireEvent, screen } from '@testing-library/react';
import { useHobnob } from 'hobnob-test/vitest';
import { afterEach, test } from 'vitest';
import { enter, leave, open } from './page';

const chat = useHobnob({ seed: 'tests/seed.yaml' });
afterEach(leave);

test('a call that nobody answers ends after a minute, which is not waited for', async () => {
  await enter(chat, 'ann');
  await open(/Bob/);
  fireEvent.click(screen.getByText('Call'));
  await screen.findByText('Call: ringing');
  await chat.clock.advance('61s');
  await screen.findByText('Call: unanswered');
});
