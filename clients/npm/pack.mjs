// Packs the client, and the package with the program for one platform:
//
//   node pack.mjs PROGRAM [--platform linux --arch x64] [--to FOLDER] [--only]
//
// With --only the client itself is not packed again.
//
// An installed client finds the program in the package of its own platform; see `hobnobBinary`.

import { execFileSync } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const here = dirname(fileURLToPath(import.meta.url));
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    platform: { type: 'string', default: process.platform },
    arch: { type: 'string', default: process.arch },
    to: { type: 'string', default: 'packed' },
    only: { type: 'boolean', default: false },
  },
});
const [program] = positionals;
if (!program) throw new Error('node pack.mjs PROGRAM [--platform linux --arch x64] [--to FOLDER] [--only]');
const client = JSON.parse(readFileSync(join(here, 'package.json'), 'utf8'));
const name = `${client.name}-${values.platform}-${values.arch}`;
if (!(name in client.optionalDependencies)) {
  throw new Error(`${name} is none of: ${Object.keys(client.optionalDependencies).join(', ')}`);
}
const to = resolve(values.to);
mkdirSync(to, { recursive: true });
const folder = mkdtempSync(join(tmpdir(), 'hobnob-pack-'));
const binary = join('bin', values.platform === 'win32' ? 'hobnob.exe' : 'hobnob');
mkdirSync(join(folder, 'bin'));
cpSync(program, join(folder, binary));
chmodSync(join(folder, binary), 0o755);
const description = {
  name,
  version: client.version,
  description: `The program of ${client.name} for ${values.platform}-${values.arch}`,
  license: client.license,
  os: [values.platform],
  cpu: [values.arch],
  files: ['bin'],
};
writeFileSync(join(folder, 'package.json'), JSON.stringify(description, null, 2));
const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm';
for (const from of values.only ? [folder] : [here, folder]) {
  const said = execFileSync(npm, ['pack', '--silent', '--pack-destination', to], { cwd: from, encoding: 'utf8' });
  console.log(join(to, said.trim().split('\n').pop()));
}
rmSync(folder, { recursive: true });
