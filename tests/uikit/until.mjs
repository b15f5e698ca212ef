// Waiting for what must come to be.

/** How long anything may take, in milliseconds. */
export const PATIENCE = Number(process.env.HOBNOB_SUITE_PATIENCE_MS ?? 15_000);

/** Asks again and again until `check` gives something true. */
export async function until(what, check) {
  const end = Date.now() + PATIENCE;
  for (;;) {
    const found = await check();
    if (found) return found;
    if (Date.now() > end) throw new Error(`waited in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 40));
  }
}
