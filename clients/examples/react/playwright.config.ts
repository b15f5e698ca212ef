import { defineConfig } from '@playwright/test';

const { CHROMIUM, CI, PORT = '4173' } = process.env;

export default defineConfig({
  testDir: 'e2e',
  fullyParallel: true,
  // Each worker has a server of its own.
  workers: 2,
  reporter: 'list',
  expect: { timeout: 15_000 },
  forbidOnly: !!CI,
  use: {
    baseURL: `http://127.0.0.1:${PORT}`,
    trace: 'retain-on-failure',
    // A browser that is on the machine, instead of one that Playwright brings.
    launchOptions: CHROMIUM ? { executablePath: CHROMIUM, args: (process.env.CHROMIUM_FLAGS ?? '').split(' ') } : {},
  },
  webServer: {
    command: `vite build && vite preview --host 127.0.0.1 --port ${PORT} --strictPort`,
    url: `http://127.0.0.1:${PORT}`,
    reuseExistingServer: !CI,
  },
});
