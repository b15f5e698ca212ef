// For jest (and whatever else has these hooks as globals): one server for a file, as it was at the beginning before each test.

import { shared } from './shared.js';

export const useHobnob = (options) => {
  const { afterAll, beforeAll, beforeEach } = globalThis;
  return shared({ afterAll, beforeAll, beforeEach }, options);
};
export * from './index.js';
