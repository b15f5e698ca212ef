import type { Hobnob, Options } from './index.js';
export * from './index.js';
/** For `test.extend`: `chat`, as it was at the beginning before each test. */
export function hobnobFixture(options?: Options): { hobnobServer: any; chat: any };
export type { Hobnob };
