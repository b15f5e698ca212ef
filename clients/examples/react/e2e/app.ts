// The app in a browser, told where this worker's server is.

import { expect, test as base, type Page } from '@playwright/test';
import { hobnobFixture, type Hobnob } from 'hobnob-test/playwright';

export { expect };

export const test = base.extend(hobnobFixture({ seed: 'tests/seed.yaml' }));

/** Logs in, and opens the conversation with somebody. */
export async function open(page: Page, chat: Hobnob, uid: string, other: string) {
  const { appId, region, authKey, settings } = chat;
  await page.route('/config.json', (route) => route.fulfill({ json: { appId, region, authKey, host: settings!.clientHost } }));
  await page.goto('/');
  await page.getByLabel('User').fill(uid);
  await page.getByText('Log in').click();
  await page.getByRole('navigation').getByRole('button', { name: other }).click();
  await expect(page.getByRole('heading', { name: other })).toBeVisible();
  await expect(page.getByRole('status')).toBeHidden();
}
