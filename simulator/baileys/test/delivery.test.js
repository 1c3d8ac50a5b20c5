import assert from 'node:assert/strict';
import test from 'node:test';
import { control, friend, pair, unhappy } from '../lib/world.js';
import { until } from '../lib/until.js';

const owed = async (phone, count) => {
  await until(async () => (await phone.companions())[0].owed === count || undefined, `${count} owed stanzas`);
};

test('messages wait while the client is away', async (t) => {
  const { phone, client } = await pair(t);
  const anna = await friend('Anna');
  await client.close();
  const ids = [];
  for (const text of ['one', 'two', 'three']) ids.push(await anna.say({ to: phone.number, text }));
  await client.open();
  for (const id of ids) await client.message(id);
  await owed(phone, 0);
  assert.deepEqual(unhappy(client), []);
});

test('a message that comes twice is shown once', async (t) => {
  const { phone, client } = await pair(t);
  const anna = await friend('Anna');
  await control.fault({ fault: 'duplicate', number: phone.number, tag: 'message', times: 1 });
  const id = await anna.say({ to: phone.number, text: 'twice' });
  const last = await anna.say({ to: phone.number, text: 'once' });
  await client.message(last);
  assert.equal(client.count('messages.upsert', ({ messages }) => messages.some((m) => m.key.id === id && m.message)), 1);
});

test('a client whose socket is cut comes back', async (t) => {
  const { phone, client } = await pair(t);
  const anna = await friend('Anna');
  await control.fault({ fault: 'cut', number: phone.number });
  assert.equal(await client.closed(), 428);
  await client.open();
  await client.message(await anna.say({ to: phone.number, text: 'hello again' }));
});

test('an outage ends', async (t) => {
  const { phone, client } = await pair(t);
  await control.fault({ fault: 'stream_error', code: 503, number: phone.number });
  assert.equal(await client.closed(), 503);
  await client.open();
});

test('a client that is too old', async (t) => {
  const { phone, client } = await pair(t);
  await control.fault({ fault: 'refuse_login', code: 405, number: phone.number, times: 1 });
  await client.close();
  client.connect();
  assert.equal(await client.closed(), 405);
  await client.open();
});

test('over a compressed connection', async (t) => {
  await control.knobs({ compression: true });
  t.after(() => control.knobs({ compression: false }));
  const { phone, client } = await pair(t);
  const anna = await friend('Anna');
  await client.message(await anna.say({ to: phone.number, text: 'squeezed '.repeat(1000) }));
  const { key } = await client.socket.sendMessage(anna.pn, { text: 'squeezed '.repeat(1000) });
  await anna.hears(key.id);
  assert.deepEqual(unhappy(client), []);
});
