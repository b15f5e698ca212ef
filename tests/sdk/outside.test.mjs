// Extensions that need something outside: a service that translates, pads and boards, pages that links lead to. By the client's own
// callExtension, against a server whose settings name them.

import { test, before, after } from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs';
import http from 'node:http';
import os from 'node:os';
import path from 'node:path';
import { Server, World, refused } from './harness.mjs';

// The smallest PNG there is.
const PIXEL = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==', 'base64');
const PAGE = '<html><head><title>Own</title><meta property="og:title" content="Tea &amp; Co"><meta name="description" content="What it is"></head></html>';

let home, outside, site, server, w, ann, bob;

before(async () => {
  outside = http.createServer((request, response) => {
    const parts = [];
    request.on('data', (part) => parts.push(part));
    request.on('end', () => {
      if (request.url !== '/translate') return response.setHeader('Content-Type', 'text/html').end(PAGE);
      const { q, target } = JSON.parse(Buffer.concat(parts));
      const said = { translatedText: `${q} in ${target}`, detectedLanguage: { confidence: 90, language: 'en' } };
      response.setHeader('Content-Type', 'application/json').end(JSON.stringify(said));
    });
  });
  await new Promise((resolve) => outside.listen(0, '127.0.0.1', resolve));
  site = `http://127.0.0.1:${outside.address().port}`;
  home = fs.mkdtempSync(path.join(os.tmpdir(), 'hobnob-outside-'));
  server = await Server.start(process.env.HOBNOB_BIN, path.join(home, 'data'), [
    '--document-url', 'https://pad.example/p/{id}', '--whiteboard-url', 'https://board.example/#room={id}',
    '--translate-url', site, '--link-previews', '--outgoing-private', '127.0.0.0/8',
  ]);
  w = await World.open(server);
  [ann, bob] = [await w.device('ann'), await w.device('bob')];
});
after(async () => {
  w?.close();
  await server?.stop();
  outside?.close();
  fs.rmSync(home, { recursive: true, force: true });
});

const injected = (message, slug) => message.getMetadata()['@injected'].extensions[slug];

test('what the settings name is on', async () => {
  for (const slug of ['document', 'whiteboard', 'message-translation', 'link-preview', 'thumbnail-generation']) {
    assert.equal(await ann.sdk.isExtensionEnabled(slug), true, slug);
  }
});

for (const [slug, key, start] of [
  ['document', 'document_url', 'https://pad.example/p/'],
  ['whiteboard', 'board_url', 'https://board.example/#room='],
]) {
  test(`a ${slug} is opened for both`, async () => {
    const made = await ann.sdk.callExtension(slug, 'POST', 'v1/create', { receiver: 'bob', receiverType: 'user' });
    assert.ok(made[key].startsWith(start), JSON.stringify(made));
    for (const device of [ann, bob]) {
      const [message] = await device.expect('onCustomMessageReceived', (m) => m.getType() === `extension_${slug}`);
      assert.equal(injected(message, slug)[key], made[key]);
    }
    await refused(ann.sdk.callExtension(slug, 'POST', 'v1/create', { receiver: 'nobody', receiverType: 'user' }), 'ERR_UID_NOT_FOUND');
  });
}

test('a message is translated', async () => {
  const sent = await ann.say('bob', 'good morning');
  const ask = { msgId: sent.getId(), text: 'good morning', languages: ['de', 'fr'] };
  const answer = await bob.sdk.callExtension('message-translation', 'POST', 'v2/translate', ask);
  assert.equal(answer.language_original, 'en');
  assert.deepEqual(answer.translations.map((one) => one.message_translated), ['good morning in de', 'good morning in fr']);
});

test('a link is followed by what its page says', async () => {
  const sent = await ann.say('bob', `look: ${site}/tea`);
  for (const device of [ann, bob]) {
    const [message] = await device.expect('onMessageEdited', (m) => m.getId() === sent.getId());
    const [link] = injected(message, 'link-preview').links;
    assert.deepEqual([link.url, link.title, link.description], [`${site}/tea`, 'Tea & Co', 'What it is']);
    assert.equal(message.getEditedAt(), undefined, 'nobody edited it');
  }
});

test('a picture names its smaller versions', async () => {
  const file = new File([PIXEL], 'dot.png', { type: 'image/png' });
  await ann.sdk.sendMediaMessage(new ann.client.MediaMessage('bob', file, 'image', 'user'));
  const [message] = await bob.expect('onMediaMessageReceived');
  const thumbnails = injected(message, 'thumbnail-generation');
  for (const size of ['small', 'medium', 'large']) {
    const url = thumbnails[`url_${size}`];
    assert.equal(thumbnails.attachments[0].data.thumbnails[`url_${size}`], url);
    const answer = await w.fetch(url);
    assert.match(answer.headers.get('content-type'), /^image\//);
  }
});
