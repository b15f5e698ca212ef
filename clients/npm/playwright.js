// For Playwright: a fixture, one server for each worker, as it was at the beginning before each test.
//
//   import { test as base, expect } from '@playwright/test';
//   const test = base.extend(hobnobFixture({ seed: 'seed.yaml' }));
//   test('…', async ({ page, chat }) => { … });

'use strict';

const { Hobnob, HobnobError, hobnobBinary, startHobnob } = require('./index.js');

const hobnobFixture = (options) => ({
  // The browser does not know the server's authority. `use` in the configuration says otherwise.
  ignoreHTTPSErrors: [true, { option: true }],
  hobnobServer: [
    async ({}, use) => {
      const chat = await startHobnob(typeof options === 'function' ? await options() : options);
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

module.exports = { Hobnob, HobnobError, hobnobBinary, hobnobFixture, startHobnob };
