import { defineConfig } from 'vitest/config';

export default defineConfig({
  esbuild: { jsx: 'automatic' },
  // The chat SDK alone has more than Vite would like to see in one file.
  build: { chunkSizeWarningLimit: 2000 },
  test: {
    environment: 'jsdom',
    include: ['tests/**/*.test.tsx'],
    testTimeout: 30_000,
  },
});
