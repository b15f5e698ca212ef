'use strict';

const { startHobnob } = require('./index.js');
const { likeInAPage } = require('./page.js');

/** A server that hooks start, reset and stop; what is given stands for it before it is there. */
function shared({ afterAll, beforeAll, beforeEach }, options) {
  let chat;
  let undo;
  beforeAll(async () => {
    undo = likeInAPage();
    chat = await startHobnob(typeof options === 'function' ? await options() : options);
  });
  beforeEach(() => chat.reset());
  afterAll(async () => {
    await chat?.stop();
    undo?.();
  });
  return new Proxy(
    {},
    {
      get(_, name) {
        if (!chat) throw new Error('The server is there from beforeAll on: use it in hooks and tests.');
        const value = Reflect.get(chat, name, chat);
        return typeof value === 'function' ? value.bind(chat) : value;
      },
    },
  );
}

module.exports = { shared };
