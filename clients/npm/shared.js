import { startHobnob } from './index.js';

/** A server that hooks start, reset and stop; it stands for itself before it is there. */
export function shared({ afterAll, beforeAll, beforeEach }, options) {
  let chat;
  beforeAll(async () => {
    chat = await startHobnob(options);
  });
  beforeEach(() => chat.reset());
  afterAll(() => chat?.stop());
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
