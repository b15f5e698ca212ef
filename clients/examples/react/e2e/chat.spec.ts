import { expect, open, test } from './app';

test('a message appears while it is looked at, and after its typing', async ({ page, chat }) => {
  await open(page, chat, 'ann', 'Bob');
  await chat.as('bob').type({ to: 'ann' });
  await expect(page.getByText('Bob is typing')).toBeVisible();
  await chat.as('bob').send({ to: 'ann', text: 'I am here' });
  await expect(page.getByRole('listitem').last()).toHaveText('I am here');
  await expect(page.getByText('Bob is typing')).toBeHidden();
});

test('two people talk, each in a browser of their own', async ({ page, chat, browser }) => {
  const other = await (await browser.newContext()).newPage();
  await Promise.all([open(page, chat, 'ann', 'Bob'), open(other, chat, 'bob', 'Ann')]);
  await page.getByLabel('Message').pressSequentially('Hello');
  await expect(other.getByText('Ann is typing')).toBeVisible();
  await page.getByText('Send').click();
  await expect(other.getByRole('listitem').last()).toHaveText('Hello');
});

test('a call that nobody answers ends after a minute, which is not waited for', async ({ page, chat }) => {
  await open(page, chat, 'ann', 'Bob');
  await page.getByText('Call', { exact: true }).click();
  await expect(page.getByText('Call: ringing')).toBeVisible();
  await chat.clock.advance('61s');
  await expect(page.getByText('Call: unanswered')).toBeVisible();
});

test('a connection is lost and comes back, and nothing is missing', async ({ page, chat }) => {
  // So that the SDK's next attempt need not be waited for.
  await page.clock.install();
  await open(page, chat, 'ann', 'Bob');
  await chat.faults.add({ on: { socket: true }, status: 503 });
  await chat.faults.dropSocket('ann');
  await expect(page.getByRole('status')).toHaveText(/Trying again/);
  await chat.as('bob').send({ to: 'ann', text: 'You missed this' });
  await page.clock.fastForward('00:06');
  await expect.poll(async () => (await chat.faults.list())[0].hits).toBeGreaterThan(0);
  await expect(page.getByRole('status')).toBeVisible();

  await chat.faults.clear();
  await page.clock.fastForward('00:06');
  await expect(page.getByRole('status')).toBeHidden();
  await expect(page.getByRole('listitem').last()).toHaveText('You missed this');
});

test('what the server refuses is told', async ({ page, chat }) => {
  await open(page, chat, 'ann', 'Bob');
  await chat.faults.add({ on: { method: 'POST', path: '/messages' }, times: 1, status: 500, message: 'Something broke' });
  await page.getByLabel('Message').fill('lost?');
  await page.getByText('Send').click();
  await expect(page.getByRole('alert')).toHaveText('Something broke');
  await expect(page.getByLabel('Message')).toHaveValue('lost?');
  await page.getByText('Send').click();
  await expect(page.getByRole('listitem').last()).toHaveText('lost?');
});
