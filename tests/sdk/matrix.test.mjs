// Plays the compatibility matrix with all clients and holds docs/compatibility-matrix.md against it.
//
// Not a set of tests for the runner but one script: a client for telephones leaves promises of its platform rejected, which
// the runner would take for a failure of whatever test is running.

import fs from 'node:fs';
import { CLIENTS, difference, playAll, render } from './compat/matrix.mjs';
import { FAILS } from './compat/engine.mjs';

const PAGE = new URL('../../docs/compatibility-matrix.md', import.meta.url);
/** What clients leave rejected by themselves: a platform that is not there, the report of a session that was over first. */
const THEIRS = /does not have web implementation|userSessions end-point/;

process.on('unhandledRejection', (error) => {
  if (THEIRS.test(error?.message ?? error?.error?.message ?? error)) return;
  console.error('a promise nobody waits for was rejected:', error);
  process.exitCode = 1;
});

// Some of them only, by title: to look at one; the page is then not compared.
const only = process.env.HOBNOB_MATRIX_CLIENTS?.split(',');
const { results, uncovered } = await playAll(CLIENTS.filter(({ title }) => only?.includes(title) ?? true), Number(process.env.HOBNOB_MATRIX_AT_ONCE ?? 4));
for (const [title, rows] of results) {
  for (const [name, { kind, note, detail }] of rows) if (kind === FAILS) console.error(`${title}: ${name} fails: ${note}\n${detail}`);
}
for (const [name, title] of uncovered) {
  console.error(`${name} (${title}) has neither a case nor a reason to have none`);
  process.exitCode = 1;
}
const page = render(results);
if (process.env.HOBNOB_WRITE_MATRIX) {
  fs.writeFileSync(PAGE, page);
} else if (!only && fs.readFileSync(PAGE, 'utf8') !== page) {
  console.error(`docs/compatibility-matrix.md is stale (- as it is there, + as it was found):\n${difference(fs.readFileSync(PAGE, 'utf8'), page)}`);
  process.exitCode = 1;
}
process.exit();
