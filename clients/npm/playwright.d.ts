import type {
  Fixtures,
  PlaywrightTestArgs,
  PlaywrightTestOptions,
  PlaywrightWorkerArgs,
  PlaywrightWorkerOptions,
} from '@playwright/test';
import type { Hobnob, Options } from './index.js';
export * from './index.js';
/** For `test.extend`: `chat`, as it was at the beginning before each test. A function is asked when a server is started. */
export function hobnobFixture(
  options?: Options | (() => Options | Promise<Options>),
): Fixtures<
  { chat: Hobnob },
  { hobnobServer: Hobnob },
  PlaywrightTestArgs & PlaywrightTestOptions,
  PlaywrightWorkerArgs & PlaywrightWorkerOptions
>;
