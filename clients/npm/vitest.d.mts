import type { Hobnob, Options } from './index.js';
export * from './index.js';
/** One server for a file of tests, as it was at the beginning before each. A function is asked when it is started. */
export function useHobnob(options?: Options | (() => Options | Promise<Options>)): Hobnob;
