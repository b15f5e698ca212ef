// Makes this process believe an authority, beside those that it believes anyway. NODE_EXTRA_CA_CERTS is read when Node starts, which
// is before there is a server.

'use strict';

const tls = require('node:tls');

const believed = [];
const create = tls.createSecureContext;

function trust(pem) {
  if (tls.setDefaultCACertificates) {
    tls.setDefaultCACertificates([...tls.getCACertificates('default'), pem]);
    return;
  }
  // Node before 22.19 has no word for it; all that connects asks this function what to believe.
  believed.push(pem);
  tls.createSecureContext = (options = {}) => {
    const made = create(options);
    // Who names authorities wants those and no others.
    if (!options.ca) for (const one of believed) made.context.addCACert(one);
    return made;
  };
}

module.exports = { trust };
