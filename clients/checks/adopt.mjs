// Makes a folder's package.json take hobnob-test and the packages of its platforms from tarballs:
//
//   node adopt.mjs FOLDER PACKED

import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const [, , folder, packed] = process.argv;
const file = join(folder, 'package.json');
const project = JSON.parse(readFileSync(file, 'utf8'));
const tarballs = {};
for (const name of readdirSync(packed)) {
  const found = name.match(/^(hobnob-test.*)-\d+\.\d+\.\d+\.tgz$/);
  if (found) tarballs[found[1]] = `file:${join(packed, name)}`;
}
const { 'hobnob-test': client, ...platforms } = tarballs;
project.devDependencies = { ...project.devDependencies, 'hobnob-test': client };
project.overrides = platforms;
writeFileSync(file, JSON.stringify(project, null, 2));
