// Makes Baileys check what it means to check. 7.0.0-rc14 calls libsignal's
// verifySignature and ignores what it returns, and libsignal checks nothing of
// a prekey bundle. Here a wrong signature is an error, as it was in libsignal
// before, so that certificates, device identities and prekeys of the simulator
// are verified by a second implementation. Load it before Baileys:
//
//   node --import ./lib/strict.js

import { createRequire } from 'node:module';

const curve = createRequire(import.meta.url)('libsignal/src/curve.js');
const verify = curve.verifySignature;

curve.verifySignature = (publicKey, message, signature) => {
  if (!verify(publicKey, message, signature)) throw new Error('wrong signature');
  return true;
};

const { WA_CERT_DETAILS } = await import('@whiskeysockets/baileys');
const overview = await fetch(`${process.env.SIMULATOR_URL}/simulator`);
WA_CERT_DETAILS.PUBLIC_KEY = Buffer.from((await overview.json()).rootPublicKey, 'hex');
