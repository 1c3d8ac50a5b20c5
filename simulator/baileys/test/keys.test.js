import assert from 'node:assert/strict';
import test from 'node:test';
import { control, friend, pair, unhappy } from '../lib/world.js';
import { until } from '../lib/until.js';

const next = (client) => client.store.creds.nextPreKeyId;

test('prekeys are uploaded once, not at each login', async (t) => {
  const { client } = await pair(t);
  const uploaded = next(client);
  assert.equal(uploaded, 813); // ids 1 to 812
  await client.close();
  await client.open();
  await client.socket.digestKeyBundle();
  assert.equal(next(client), uploaded);
  assert.deepEqual(unhappy(client), []);
});

test('prekeys are refilled when they run out', async (t) => {
  const { phone, client } = await pair(t);
  const uploaded = next(client);
  await control.fault({ fault: 'exhaust_prekeys', number: phone.number });
  await until(() => next(client) > uploaded || undefined, 'an upload');
  const anna = await friend('Anna');
  await client.message(await anna.say({ to: phone.number, text: 'with a fresh prekey' }));
});

test('sessions begin without one-time prekeys too', async (t) => {
  const { phone, client } = await pair(t);
  await control.fault({ fault: 'no_prekeys', number: phone.number });
  const anna = await friend('Anna');
  await client.message(await anna.say({ to: phone.number, text: 'with the signed prekey alone' }));
  assert.deepEqual(unhappy(client), []);
});

test('the signed prekey is rotated', async (t) => {
  const { phone, client } = await pair(t);
  const { keyId } = client.store.creds.signedPreKey;
  await client.socket.rotateSignedPreKey();
  assert.equal(client.store.creds.signedPreKey.keyId, keyId + 1);
  const anna = await friend('Anna');
  await client.message(await anna.say({ to: phone.number, text: 'with the new signed prekey' }));
  assert.deepEqual(unhappy(client), []);
});
