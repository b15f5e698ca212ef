// For tests in a page that is none (jsdom): what the SDK says there to `fetch`, which is Node's and has no page around it.

'use strict';

/** Lets `fetch` take the referrers that it takes in a browser; gives what undoes it. */
function likeInAPage(global = globalThis) {
  const { fetch } = global;
  if (!global.document || !fetch) return () => {};
  const lenient = (input, init) => {
    // To a page these are addresses below its own; without one they are none, and Node refuses the request.
    if (init?.referrer && !URL.canParse(init.referrer)) init = { ...init, referrer: undefined };
    return fetch(input, init);
  };
  global.fetch = lenient;
  return () => {
    if (global.fetch === lenient) global.fetch = fetch;
  };
}

module.exports = { likeInAPage };
