import assert from 'node:assert/strict';
import test, { before } from 'node:test';
import { proto } from '@whiskeysockets/baileys';
import { control, friend, pair, unhappy } from '../lib/world.js';

const { ERROR, DELIVERY_ACK, READ, PLAYED } = proto.WebMessageInfo.Status;
let phone, client, anna;

before(async (t) => {
  ({ phone, client } = await pair(t));
  anna = await friend('Anna');
});

test('a message is delivered, and read', async () => {
  const { key } = await client.socket.sendMessage(anna.pn, { text: 'hello' });
  await anna.hears(key.id);
  const delivered = await client.status(key.id, DELIVERY_ACK);
  assert.equal(delivered.remoteJid, anna.pn, 'the address that the message was sent to');
  await anna.post('/read', { id: key.id });
  await client.status(key.id, READ);
});

test('a voice message is played', async () => {
  const audio = { audio: Buffer.from('voice'), ptt: true, seconds: 1, waveform: new Uint8Array(64) };
  const { key } = await client.socket.sendMessage(anna.pn, audio);
  await anna.hears(key.id);
  await anna.post('/played', { id: key.id });
  await client.status(key.id, PLAYED);
});

test('a contact learns that its message has come, and was read', async () => {
  const id = await anna.say({ to: phone.number, text: 'hello' });
  const { key } = await client.message(id);
  await anna.receipt(id, '', 'inactive');
  await client.socket.readMessages([key]);
  await anna.receipt(id, 'read');
});

test('several messages are read at once', async () => {
  const ids = [];
  for (const text of ['one', 'two', 'three']) ids.push(await anna.say({ to: phone.number, text }));
  const keys = [];
  for (const id of ids) keys.push((await client.message(id)).key);
  await client.socket.readMessages(keys);
  for (const id of ids) await anna.receipt(id, 'read');
});

test('in a group each member tells', async () => {
  const berta = await friend('Berta');
  const group = await control.group('Us', phone, anna, berta);
  const { key } = await client.socket.sendMessage(group, { text: 'hello all' });
  for (const who of [anna, berta]) {
    await who.hears(key.id);
    await client.confirmed(key.id, who.lid, 'receiptTimestamp');
    await who.post('/read', { id: key.id });
    await client.confirmed(key.id, who.lid, 'readTimestamp');
  }
});

test('a refused message is told', async () => {
  const carl = await friend('Carl');
  await control.fault({ fault: 'refuse_message', number: phone.number, code: 400, times: 1 });
  const { key } = await client.socket.sendMessage(carl.pn, { text: 'hello' });
  await client.status(key.id, ERROR);
});

test('nothing of this made the client complain', () => {
  assert.deepEqual(unhappy(client, /received error in ack/), []);
});
