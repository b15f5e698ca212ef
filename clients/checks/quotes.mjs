// Holds the code in a page against the files it is out of: after the language a fence names the file, and each piece between lines
// of … stands in it.
//
//   node quotes.mjs PAGE ROOT

import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const [, , page, root] = process.argv;
let [quoted, wrong] = [0, 0];
for (const [, file, code] of readFileSync(page, 'utf8').matchAll(/^```\w+ (\S+)\n(.*?)^```$/gms)) {
  const text = readFileSync(join(root, file), 'utf8');
  for (const piece of code.split(/^\s*…\n/m)) {
    quoted += 1;
    if (text.includes(piece)) continue;
    wrong += 1;
    console.error(`${page}: this is not in ${file}:\n${piece}`);
  }
}
if (quoted === 0) console.error(`${page} quotes nothing`);
process.exit(wrong || quoted === 0 ? 1 : 0);
