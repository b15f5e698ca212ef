'use strict';

const { createServer } = require('node:http');
const { chatApi } = require('./chat');
const { backEnd } = require('./server');

const { CHAT_URL, CHAT_APP, CHAT_KEY, HOOK_USER, HOOK_PASSWORD, PORT = '3000' } = process.env;
const chat = chatApi({ url: CHAT_URL, appId: CHAT_APP, apiKey: CHAT_KEY });
const answer = () => 'Thank you. Somebody will read this.';
const handler = backEnd({ chat, webhook: { username: HOOK_USER, password: HOOK_PASSWORD }, answer });
createServer(handler).listen(Number(PORT));
