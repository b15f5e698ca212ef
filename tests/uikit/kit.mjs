// Two users of the official React UI Kit, unmodified, against a built server.
//
//   node kit.mjs BINARY VERSION [FOLDER FOR SCREENSHOTS]
//
// Without a folder the screenshots go into a temporary one, which is kept when the test fails.

import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { World } from "./harness.mjs";
import { walks } from "./walks.mjs";

const [binary, version, folder] = process.argv.slice(2);
const started = Date.now();
const shots = folder || (await mkdtemp(join(tmpdir(), "hobnob-uikit-shots-")));
const only = process.env.HOBNOB_SUITE_ONLY ? process.env.HOBNOB_SUITE_ONLY.split(",") : null;
const world = await World.open(binary, fileURLToPath(new URL(`dist/${version}`, import.meta.url)), shots);
let at = "the start";
let passed = 0;
try {
  for (const [name, walk] of walks(version)) {
    if (only && !only.includes(name)) continue;
    at = name;
    const began = Date.now();
    await walk(world);
    world.lawful(name);
    passed += 1;
    console.log(`ok ${name} (${((Date.now() - began) / 1000).toFixed(1)} s)`);
  }
  console.log(`UI Kit ${version}: ${passed} passed, 0 failed, ${world.pictures} screenshots, ${((Date.now() - started) / 1000).toFixed(1)} s`);
  await world.close();
  if (!folder) await rm(shots, { recursive: true, force: true });
} catch (error) {
  for (const person of world.people) await world.shot(person, "failed").catch(() => {});
  if (process.env.HOBNOB_SUITE_PAGES) for (const person of world.people) console.error(await person.page.locator("#root").innerHTML().catch(String));
  console.error(`not ok ${at}`);
  console.error(String(error.stack).replace(/\u001b\[\d+m/g, "").split("\n").filter((line) => !/^ +- {2,}|retrying|waiting \d|^ +\d+ × /.test(line)).join("\n"));
  console.error([...world.complaints, ...world.said.split("\n").filter((line) => / (WARN|ERROR) /.test(line)).slice(-15)].join("\n"));
  console.error(`UI Kit ${version}: ${passed} passed, 1 failed; screenshots in ${shots}`);
  process.exitCode = 1;
  await world.close();
}
