// The client, unmodified, through nginx and Caddy with TLS, at the root of a name and below a path: REST, socket and files all
// go through the proxy. Run by tests/proxy/run.sh, which sees to it that the proxies are there.

import { test } from 'node:test';
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { Server, World, until } from './harness.mjs';

const README = fs.readFileSync(new URL('../../README.md', import.meta.url), 'utf8');
const MESSAGES = 200;

/** The n-th block of this language in the README. */
const block = (language, n) => [...README.matchAll(new RegExp(`^\`\`\`${language}\n([\\s\\S]*?)^\`\`\`$`, 'gm'))][n][1];

const freePort = () =>
  new Promise((resolve) => {
    const server = net.createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });

const listens = (port) =>
  new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1', () => (socket.destroy(), resolve(true)));
    socket.on('error', () => resolve(false));
  });

const PROXIES = {
  nginx: ({ home, front, back, below, tls }) => {
    const location = block('nginx', 1).replace('/chat/', `${below}/`).replace('127.0.0.1:8080', `127.0.0.1:${back}`);
    const scratch = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((kind) => `${kind}_temp_path ${home}/${kind};`).join(' ');
    fs.writeFileSync(
      path.join(home, 'conf'),
      `daemon off; pid ${home}/pid; error_log stderr; events {}
       http { access_log off; ${scratch} ${block('nginx', 0)}
       server { listen 127.0.0.1:${front} ssl; ssl_certificate ${tls}/cert.pem; ssl_certificate_key ${tls}/key.pem; ${location} } }`,
    );
    return ['nginx', ['-c', path.join(home, 'conf')]];
  },
  caddy: ({ home, front, back, below, tls }) => {
    const handle = block('caddy', 0).replace('/chat/*', `${below}/*`).replace('127.0.0.1:8080', `127.0.0.1:${back}`);
    fs.writeFileSync(
      path.join(home, 'Caddyfile'),
      `{\nadmin off\nauto_https off\n}\nhttps://127.0.0.1:${front} {\ntls ${tls}/cert.pem ${tls}/key.pem\n${handle}\n}\n`,
    );
    return ['caddy', ['run', '--config', path.join(home, 'Caddyfile'), '--adapter', 'caddyfile']];
  },
};

const isInstalled = (name) => {
  try {
    execFileSync('sh', ['-c', `command -v ${name}`]);
    return true;
  } catch {
    return false;
  }
};

for (const [name, configure] of [['nothing between', undefined], ...Object.entries(PROXIES)]) {
  for (const below of configure ? ['', '/chat'] : ['']) {
    test(`${name}, TLS, ${below || 'at the root'}`, async (t) => {
      if (configure && !isInstalled(name)) {
        t.skip(`${name} is not installed`);
        return;
      }
      const home = fs.mkdtempSync(path.join(os.tmpdir(), 'hobnob-proxied-'));
      const [front, back] = [await freePort(), await freePort()];
      const data = path.join(home, 'data');
      const children = [];
      const start = (command, args) => {
        const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'pipe'], env: { ...process.env, HOME: home } });
        child.said = '';
        child.stderr.on('data', (chunk) => (child.said += chunk));
        children.push(child);
        return child;
      };
      let world;
      try {
        const reached = `127.0.0.1:${front}`;
        start(process.env.HOBNOB_BIN, [
          'serve', '--data', data, '--http', `127.0.0.1:${back}`,
          ...(configure ? ['--https', '127.0.0.1:0', '--public-host', `https://${reached}${below}`] : ['--https', reached]),
        ]);
        // It takes its port before it makes a certificate, with which the proxy begins.
        const made = () => ['cert.pem', 'key.pem'].every((name) => fs.existsSync(path.join(data, 'tls', name)));
        await until('the server is up', async () => (await listens(back)) && (!configure || made()));
        const proxy = configure && start(...configure({ home, front, back, below, tls: path.join(data, 'tls') }));
        await until(`${name} is up`, () => listens(front)).catch((error) => assert.fail(`${error.message}\n${proxy?.said}`));

        const server = Object.assign(new Server(process.env.HOBNOB_BIN, data), { https: reached, below });
        world = await World.open(server);
        const [ann, bob] = [await world.device('ann'), await world.device('bob')];
        for (const socket of [...ann.sockets, ...bob.sockets]) {
          assert.ok(socket.url.startsWith(`wss://${reached}${below}`), socket.url);
        }
        // Both ways, and the receipt back.
        const sent = await ann.say('bob', 'through the proxy');
        const [heard] = await bob.expect('onTextMessageReceived', (m) => m.getText() === 'through the proxy');
        assert.equal(heard.getId(), sent.getId());
        await bob.sdk.markAsRead(heard);
        await ann.expect('onMessagesRead');
        await bob.say('ann', 'and back');
        await ann.expect('onTextMessageReceived', (m) => m.getText() === 'and back');
        // A file goes through it, and its address leads through it.
        const bytes = Buffer.alloc(300_000, 7);
        const file = new File([bytes], 'plan.bin', { type: 'application/x-plan' });
        await ann.sdk.sendMediaMessage(new ann.client.MediaMessage('bob', file, 'file', 'user'));
        const [media] = await bob.expect('onMediaMessageReceived');
        const url = media.getAttachments()[0].getUrl();
        assert.ok(url.startsWith(`https://${reached}${below}/media/`), url);
        const got = await world.fetch(url);
        assert.deepEqual(Buffer.from(await got.arrayBuffer()), bytes);
        // Who comes again finds it all, and is told on.
        const again = await bob.reload();
        await again.online();
        const page = await new again.client.MessagesRequestBuilder().setUID('ann').setLimit(30).build().fetchPrevious();
        assert.equal(page.length, 3);

        // How long from "send" until it is shown at the other side: reported, not judged.
        const times = [];
        for (let n = 0; n < MESSAGES; n++) {
          const began = performance.now();
          await Promise.all([ann.say('bob', `timed ${n}`), again.expect('onTextMessageReceived', (m) => m.getText() === `timed ${n}`).then(() => times.push(performance.now() - began))]);
        }
        times.sort((a, b) => a - b);
        t.diagnostic(`send to shown: median ${times[MESSAGES / 2].toFixed(1)} ms, p99 ${times[Math.floor(MESSAGES * 0.99)].toFixed(1)} ms`);
      } finally {
        world?.close();
        for (const child of children) child.kill('SIGTERM');
        await Promise.all(children.map((child) => child.exitCode ?? new Promise((resolve) => child.once('exit', resolve))));
        fs.rmSync(home, { recursive: true, force: true });
      }
    });
  }
}
