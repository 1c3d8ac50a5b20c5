import assert from 'node:assert/strict';
import { once } from 'node:events';
import test from 'node:test';
import { until } from '../lib/until.js';
import { control, link, newClient, newNumber, pair, scan, unhappy } from '../lib/world.js';

const open = (update) => update.connection === 'open';

test('pair by QR code', async (t) => {
  const { phone, client } = await pair(t);
  const [companion] = await phone.companions();
  assert.equal(client.socket.user.id, companion.jid);
  assert.equal(client.socket.user.lid, companion.lid);
  assert.equal(companion.online, true);
  assert.deepEqual(unhappy(client), []);
});

test('pair by code', async (t) => {
  const phone = await control.phone(newNumber(), 'Bob');
  const client = newClient(t);
  client.connect();
  await client.event('connection.update', (update) => update.qr);
  const code = await client.socket.requestPairingCode(phone.number);
  const { jid } = await phone.post('/code', { code });
  await client.event('connection.update', open);
  assert.equal(client.socket.user.id, jid);
  assert.deepEqual(unhappy(client), []);
});

test('a wrong code does not pair, a second one does', async (t) => {
  const phone = await control.phone(newNumber(), 'Bob');
  const client = newClient(t);
  client.connect();
  await client.event('connection.update', (update) => update.qr);
  await client.socket.requestPairingCode(phone.number);
  await assert.rejects(phone.post('/code', { code: '11111111' }), { status: 409 });
  const offered = once(client.socket.ws, 'CB:iq,,link_code_companion_reg');
  const code = await client.socket.requestPairingCode(phone.number);
  await offered;
  await phone.post('/code', { code });
  await client.event('connection.update', open);
});

test('a QR code pairs once', async (t) => {
  const phone = await control.phone(newNumber(), 'Bob');
  const client = newClient(t);
  client.connect();
  const { qr } = await client.event('connection.update', (update) => update.qr && update);
  await scan(client, phone);
  await assert.rejects(phone.post('/scan', { qr }), { status: 409 });
});

test('a refresh after the scan', async (t) => {
  await control.knobs({ refreshAfterScan: true });
  t.after(() => control.knobs({ refreshAfterScan: false }));
  const phone = await control.phone(newNumber(), 'Bob');
  const client = newClient(t);
  client.connect();
  await assert.rejects(scan(client, phone), { status: 409, sentence: 'refresh' });
  // Baileys does not know the notification and cannot even acknowledge it
  // before it is linked. When it can, the second code pairs: test that then.
  await until(() => unhappy(client).length > 0 || undefined, 'Baileys to complain');
  assert.deepEqual(unhappy(client), ['failed to ack notification']);
});

test('log in again with what was saved', async (t) => {
  const { phone, client } = await pair(t);
  const before = client.socket.user.id;
  await client.close();
  await client.open();
  assert.equal(client.socket.user.id, before);
  assert.equal((await phone.companions()).length, 1);
  assert.deepEqual(unhappy(client), []);
});

test('log out', async (t) => {
  const { phone, client } = await pair(t);
  await client.socket.logout();
  assert.equal(await client.closed(), 401);
  await phone.linked(0);
  client.connect();
  assert.equal(await client.closed(), 401, 'the next login');
});

test('unlinked by the phone', async (t) => {
  const { phone, client } = await pair(t);
  await phone.post('/unlink', {});
  assert.equal(await client.closed(), 401);
  client.connect();
  assert.equal(await client.closed(), 401, 'the next login');
});

test('another connection takes over', async (t) => {
  const { phone, client } = await pair(t);
  await control.fault({ fault: 'replace', number: phone.number });
  assert.equal(await client.closed(), 440);
  await client.open();
});

test('two companions of one phone', async (t) => {
  const { phone, client } = await pair(t);
  const other = await link(t, phone);
  assert.notEqual(client.socket.user.id, other.socket.user.id);
  await phone.linked(2);
});
