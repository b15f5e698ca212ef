// docs/compatibility-matrix.md: what came of every case with every client, as text that is the same for the same outcomes.

import { CLIENTS } from '../clients.mjs';
import { LEFT_OUT, prepare } from './all.mjs';
import { CLIENT_LACKS, DIFFERS, FAILS, SERVER_LACKS, Stage, WORKS, cases, functions } from './engine.mjs';

/** Plays all cases with each of these clients, so many clients at once; what came of it by client, then by row. */
export async function playAll(clients, atOnce) {
  const results = new Map(clients.map((client) => [client.title, new Map()]));
  const uncovered = new Map();
  const queue = [...clients];
  const work = async () => {
    for (let client = queue.shift(); client; client = queue.shift()) {
      const stage = await Stage.open(client);
      await prepare(stage);
      for (const one of cases()) results.get(client.title).set(one.name, await stage.play(one));
      for (const name of functions(stage.client).filter((name) => !isKnown(name))) uncovered.set(name, client.title);
      stage.close();
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  return { results, uncovered };
}

const leftOut = Object.values(LEFT_OUT).flat();
const isKnown = (name) => cases().some((one) => one.name === name) || leftOut.some((beginning) => name === beginning || (/[.]$|Request$|Item$|Feed|Notification$|internal$/.test(beginning) && name.startsWith(beginning)));

const MARKS = { [WORKS]: '✓', [DIFFERS]: '~', [CLIENT_LACKS]: '', [SERVER_LACKS]: 'no', [FAILS]: '**fails**' };

const INTRO = `# Compatibility matrix

Made by \`tests/sdk/matrix.test.mjs\`, which plays each case with each of the vendor's clients, unmodified and installed from the npm
registry, between two logged-in users of the same client; \`.ci/run\` fails when this page is not what it finds. To make
it anew: \`HOBNOB_WRITE_MATRIX=1 tests/sdk/run.sh BINARY matrix.test.mjs\`.

What a mark says and what not: the case of that row was played and its checks held. A method has more ways to be called
than one case tries; the other tests under \`tests/sdk\` look closer, at JS 4.2.0 and at lists of older ones. The clients for
React Native and Ionic run in Node with stand-ins for their platform (store, forms, calling module), not on a device.
JS and RN are \`@cometchat/chat-sdk-javascript\` and \`-react-native\`, Ionic \`-ionic\`; "pro" is the line before: \`@cometchat-pro/chat\`,
\`react-native-chat\`, \`cordova-ionic-chat\`.

| mark | |
| --- | --- |
| ✓ | works |
| ~ | differs, see the note |
| no | absent here: the server has no such thing and says so at once, see the note |
| (empty) | absent in that client |
| **fails** | does not work, see the note |
`;

export function render(results) {
  const titles = [...results.keys()];
  const notes = [];
  const cell = ({ kind, note }) => {
    if (!note || kind === WORKS) return MARKS[kind];
    const line = note.split('\n')[0];
    if (!notes.includes(line)) notes.push(line);
    return `${MARKS[kind]} ${notes.indexOf(line) + 1}`;
  };
  const groups = Map.groupBy ? Map.groupBy(cases(), ({ name }) => section(name)) : groupBy(cases(), ({ name }) => section(name));
  const parts = [INTRO, counts(results)];
  for (const [title, rows] of groups) {
    parts.push(`## ${title}\n`, `| | ${titles.join(' | ')} |`, `| --- |${' --- |'.repeat(titles.length)}`);
    for (const { name } of rows) parts.push(`| \`${name.replace(/^CometChat\./, '')}\` | ${titles.map((one) => cell(results.get(one).get(name))).join(' | ')} |`);
    parts.push('');
  }
  parts.push('## Notes\n', ...notes.map((note, at) => `${at + 1}. ${note}`), '');
  parts.push('## Without a row\n', 'Public functions of the clients that no case is about:\n');
  for (const [why, names] of Object.entries(LEFT_OUT)) parts.push(`- ${why}: ${names.map((name) => `\`${name.replace(/^CometChat\./, '').replace(/\.$/, '')}\``).join(', ')}`);
  return `${parts.join('\n')}\n`;
}

function counts(results) {
  const kinds = [WORKS, DIFFERS, SERVER_LACKS, FAILS, CLIENT_LACKS];
  const line = (title, rows) => `| ${title} | ${kinds.map((kind) => [...rows.values()].filter((one) => one.kind === kind).length).join(' | ')} |`;
  return [`| rows | ${kinds.join(' | ')} |`, '| --- | --- | --- | --- | --- | --- |', ...[...results].map(([title, rows]) => line(title, rows)), ''].join('\n');
}

function section(name) {
  const [owner] = name.split('.');
  if (owner.endsWith('Listener')) return 'Listeners';
  if (owner === 'CometChatNotifications') return owner;
  if (owner === 'CometChat') return 'Methods of CometChat';
  if (owner.endsWith('Message')) return 'Messages';
  return 'Request builders and requests';
}

function groupBy(values, key) {
  const groups = new Map();
  for (const value of values) groups.set(key(value), [...(groups.get(key(value)) ?? []), value]);
  return groups;
}

/** Lines that one text has and the other has not, for a reader of the log. */
export function difference(one, other) {
  const [a, b] = [one.split('\n'), other.split('\n')];
  return [...a.filter((line) => !b.includes(line)).map((line) => `- ${line}`), ...b.filter((line) => !a.includes(line)).map((line) => `+ ${line}`)].join('\n');
}

export { CLIENTS };
