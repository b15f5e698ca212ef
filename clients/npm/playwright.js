// For Playwright: a fixture, one server for each worker, as it was at the beginning before each test.
//
//   import { test as base, expect } from '@playwright/test';
//   const test = base.extend(hobnobFixture({ seed: 'seed.yaml' }));
//   test('…', async ({ page, chat }) => { … });
//
// The browser must trust the server's authority, or be told not to ask: `use: { ignoreHTTPSErrors: true }`.

import { startHobnob } from './index.js';

export const hobnobFixture = (options) => ({
  hobnobServer: [
    async ({}, use) => {
      const chat = await startHobnob(options);
      await use(chat);
      await chat.stop();
    },
    { scope: 'worker' },
  ],
  chat: async ({ hobnobServer }, use) => {
    await hobnobServer.reset();
    await use(hobnobServer);
  },
});
export * from './index.js';
