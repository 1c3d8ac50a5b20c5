import assert from 'node:assert/strict';
import test from 'node:test';
import { Curve, WA_CERT_DETAILS } from '@whiskeysockets/baileys';
import { newClient } from '../lib/world.js';

test('signatures count in these tests', () => {
  const { private: key, public: other } = Curve.generateKeyPair();
  assert.equal(Curve.verify(other, Buffer.from('text'), Curve.sign(key, Buffer.from('text'))), true);
  assert.equal(Curve.verify(other, Buffer.from('text'), Curve.sign(key, Buffer.from('test'))), false);
});

test('a server with a certificate of somebody else is refused', async (t) => {
  const root = WA_CERT_DETAILS.PUBLIC_KEY;
  t.after(() => (WA_CERT_DETAILS.PUBLIC_KEY = root));
  WA_CERT_DETAILS.PUBLIC_KEY = Curve.generateKeyPair().public;
  const client = newClient(t);
  client.connect();
  assert.equal(await client.closed(), 400);
});
