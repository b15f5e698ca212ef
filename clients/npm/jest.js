// For jest (and whatever else has these hooks as globals): one server for a file, as it was at the beginning before each test.
//
//   const chat = useHobnob({ seed: 'seed.yaml' });
//   test('…', async () => { await chat.as('ann').send({ to: 'bob', text: 'hi' }); });

'use strict';

const { Hobnob, HobnobError, hobnobBinary, startHobnob } = require('./index.js');
const { shared } = require('./shared.js');

// With `injectGlobals: false` they are only there.
const hooks = () => (globalThis.beforeAll ? globalThis : require('@jest/globals'));

const useHobnob = (options) => shared(hooks(), options);

module.exports = { Hobnob, HobnobError, hobnobBinary, startHobnob, useHobnob };
