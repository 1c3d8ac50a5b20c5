// Baileys and whatsmeow talk to each other and share an account. The whatsmeow
// clients belong to the Go test, which says what their numbers are.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import test, { before } from 'node:test';
import { downloadMediaMessage, proto } from '@whiskeysockets/baileys';
import { control, friend, link, pair, unhappy } from '../lib/world.js';

const { ECHO_NUMBER, SHARED_NUMBER } = process.env;
const options = { skip: !ECHO_NUMBER && 'ECHO_NUMBER must be that of a whatsmeow client: run by go test' };
const { DELIVERY_ACK, READ } = proto.WebMessageInfo.Status;

const sent = new Map(); // what Baileys wants to be told when a companion asks again

let phone, client, echo, anna;

before(async (t) => {
  if (!ECHO_NUMBER) return;
  ({ phone, client } = await pair(t, 'Alice', { getMessage: async ({ id }) => sent.get(id) }));
  echo = await control.phone(ECHO_NUMBER);
  anna = await friend('Anna');
});

test('a text, its answer and its receipts', options, async () => {
  const { key } = await client.socket.sendMessage(echo.pn, { text: 'hello' });
  await client.status(key.id, DELIVERY_ACK);
  const { pushName } = await client.said(echo.lid, 'echo: hello');
  assert.equal(pushName, 'Echo');
  await client.status(key.id, READ);
});

test('a picture, there and back', options, async () => {
  const image = randomBytes(50_000);
  const caption = 'a picture';
  await client.socket.sendMessage(echo.pn, { image, caption, jpegThumbnail: '', width: 1, height: 1 });
  const answer = await client.event('messages.upsert', ({ messages }) => messages.find(({ key, message }) =>
    !key.fromMe && message?.imageMessage?.caption === caption));
  assert.deepEqual(await downloadMediaMessage(answer, 'buffer', client.config, { logger: client.log }), image);
});

test('a group with sender keys both ways', options, async () => {
  const { id } = await client.socket.groupCreate('Us', [echo.pn, anna.pn]);
  for (const text of ['one', 'two']) {
    const { key } = await client.socket.sendMessage(id, { text });
    const { key: answer } = await client.said(id, `echo: ${text}`);
    assert.equal(answer.participant, echo.lid);
    await anna.hears(key.id);
    await anna.hears(answer.id);
  }
});

test('whatsmeow asks again for what it cannot read', options, async () => {
  await control.fault({ fault: 'corrupt', number: echo.number, times: 1 });
  const { key, message } = await client.socket.sendMessage(echo.pn, { text: 'garbled' });
  sent.set(key.id, message);
  await client.said(echo.lid, 'echo: garbled');
});

test('Baileys asks whatsmeow again for what it cannot read', options, async () => {
  await control.fault({ fault: 'corrupt', number: phone.number, times: 1 });
  await client.socket.sendMessage(echo.pn, { text: 'clear' });
  await client.said(echo.lid, 'echo: clear');
});

test('a companion that was linked later hears those who knew the account before', options, async (t) => {
  const second = await link(t, phone);
  await client.socket.sendMessage(echo.pn, { text: 'there are two of us' });
  await client.said(echo.lid, 'echo: there are two of us');
  await second.said(echo.lid, 'there are two of us');
  await second.said(echo.lid, 'echo: there are two of us');
});

test('Baileys and whatsmeow as companions of one account', options, async (t) => {
  const shared = await control.phone(SHARED_NUMBER);
  const mate = await link(t, shared);
  assert.equal((await shared.companions()).length, 2);
  await mate.socket.sendMessage(anna.pn, { text: 'hello Anna' });
  const { key } = await mate.said(anna.lid, 'seen: hello Anna');
  assert.equal(key.fromMe, true);
  assert.equal((await anna.hears(key.id)).from, SHARED_NUMBER);

  const { id } = await mate.socket.groupCreate('Ours', [anna.pn]);
  await mate.socket.sendMessage(id, { text: 'hello group' });
  const { key: seen } = await mate.said(id, 'seen: hello group');
  assert.equal(seen.fromMe, true);
  assert.equal((await anna.hears(seen.id)).text, 'seen: hello group');
  assert.deepEqual(unhappy(mate), []);
});
