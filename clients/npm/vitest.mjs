// For vitest: one server for a file, as it was at the beginning before each test.
//
//   const chat = useHobnob({ seed: 'seed.yaml' });
//   test('…', async () => { await chat.as('ann').send({ to: 'bob', text: 'hi' }); });

import { afterAll, beforeAll, beforeEach } from 'vitest';
import { shared } from './shared.js';

export const useHobnob = (options) => shared({ afterAll, beforeAll, beforeEach }, options);
export * from './index.js';
