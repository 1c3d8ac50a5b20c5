import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import test, { before } from 'node:test';
import { decryptPollVote } from '@whiskeysockets/baileys';
import { friend, pair, unhappy } from '../lib/world.js';

const { subtle } = globalThis.crypto;
let phone, client, anna;

before(async (t) => {
  ({ phone, client } = await pair(t));
  anna = await friend('Anna');
});

/** send writes to Anna and returns what Baileys made and her phone shows. */
async function send(content, options) {
  const sent = await client.socket.sendMessage(anna.pn, content, options);
  return { sent, shown: await anna.hears(sent.key.id) };
}

test('a text', async () => {
  const { sent, shown } = await send({ text: 'hello' });
  assert.equal(shown.kind, 'text');
  assert.equal(shown.text, 'hello');
  assert.equal(shown.from, phone.number);
  assert.equal(shown.chat, phone.number);
  const mirrored = await phone.mirrors(sent.key.id);
  assert.equal(mirrored.text, 'hello');
  assert.equal(mirrored.chat, anna.number);
});

test('a text to a LID', async () => {
  const { key } = await client.socket.sendMessage(anna.lid, { text: 'hello' });
  assert.equal((await anna.hears(key.id)).text, 'hello');
  assert.equal((await phone.mirrors(key.id)).chat, anna.number);
});

test('a quoted reply that mentions somebody', async () => {
  const id = await anna.say({ to: phone.number, text: 'one' });
  const quoted = await client.message(id);
  const { shown } = await send({ text: 'two', mentions: [anna.lid] }, { quoted });
  assert.equal(shown.quoted.id, id);
  assert.equal(shown.quoted.text, 'one');
  assert.deepEqual(shown.mentions.length, 1);
});

for (const [kind, content] of [
  ['image', (image) => ({ image, caption: 'look', jpegThumbnail: '', width: 1, height: 1 })],
  ['video', (video) => ({ video, caption: 'look', jpegThumbnail: '' })],
  ['audio', (audio) => ({ audio, mimetype: 'audio/mpeg', seconds: 3 })],
  ['voice', (audio) => ({ audio, ptt: true, seconds: 3, waveform: new Uint8Array(64) })],
  ['document', (document) => ({ document, mimetype: 'application/pdf', fileName: 'a.pdf', caption: 'look' })],
  ['sticker', (sticker) => ({ sticker })],
]) {
  test(`${kind}, which the receiver downloads`, async () => {
    const file = randomBytes(100_000);
    const { shown } = await send(content(file));
    assert.equal(shown.kind, kind);
    assert.equal(shown.size, file.length);
    assert.equal(shown.caption, content(file).caption);
    assert.equal(shown.fileName, content(file).fileName);
    assert.deepEqual(await anna.file(shown.id), file);
  });
}

test('a location', async () => {
  const { shown } = await send({ location: { degreesLatitude: 52.5, degreesLongitude: 13.4, name: 'Berlin' } });
  assert.equal(shown.kind, 'location');
  assert.deepEqual([shown.latitude, shown.longitude, shown.name], [52.5, 13.4, 'Berlin']);
});

test('a contact card', async () => {
  const vcard = 'BEGIN:VCARD\nVERSION:3.0\nFN:Carl\nTEL;waid=491510000009:+491510000009\nEND:VCARD';
  const { shown } = await send({ contacts: { contacts: [{ displayName: 'Carl', vcard }] } });
  assert.equal(shown.kind, 'contact');
  assert.equal(shown.vcard, vcard);
});

test('a reaction', async () => {
  const { sent } = await send({ text: 'react to me' });
  const { shown } = await send({ react: { text: '👍', key: sent.key } });
  assert.equal(shown.kind, 'reaction');
  assert.equal(shown.emoji, '👍');
  assert.equal(shown.target, sent.key.id);
  assert.equal(shown.targetFromMe, true);
});

test('an edit', async () => {
  const { sent } = await send({ text: 'befor' });
  const { shown } = await send({ text: 'before', edit: sent.key });
  assert.equal(shown.kind, 'edit');
  assert.equal(shown.text, 'before');
  assert.equal(shown.target, sent.key.id);
});

test('a revoked message', async () => {
  const { sent } = await send({ text: 'oh no' });
  const { shown } = await send({ delete: sent.key });
  assert.equal(shown.kind, 'revoke');
  assert.equal(shown.target, sent.key.id);
});

test('a poll, and the vote on it', async () => {
  const { sent, shown } = await send({ poll: { name: 'Where?', values: ['here', 'there'], selectableCount: 1 } });
  assert.equal(shown.kind, 'poll');
  assert.equal(shown.text, 'Where?');
  assert.deepEqual(shown.options, ['here', 'there']);

  const vote = await client.message(await anna.say({ vote: { id: sent.key.id, options: ['there'] } }));
  const { selectedOptions } = decryptPollVote(vote.message.pollUpdateMessage.vote, {
    pollEncKey: sent.message.messageContextInfo.messageSecret,
    pollMsgId: sent.key.id,
    pollCreatorJid: phone.lid,
    voterJid: anna.lid,
  });
  const there = await subtle.digest('SHA-256', Buffer.from('there'));
  assert.deepEqual(selectedOptions.map((option) => Buffer.from(option)), [Buffer.from(there)]);
});

test('a text that disappears', async () => {
  const { shown } = await send({ text: 'shh' }, { ephemeralExpiration: 86400 });
  assert.equal(shown.ephemeralSeconds, 86400);
});

test('an image to view once', async () => {
  const { shown } = await send({ image: randomBytes(10), viewOnce: true, jpegThumbnail: '', width: 1, height: 1 });
  assert.equal(shown.viewOnce, true);
  assert.equal(shown.kind, 'image');
});

test('a status update', async () => {
  const options = { statusJidList: [anna.pn] };
  const { key } = await client.socket.sendMessage('status@broadcast', { text: 'look at me' }, options);
  assert.equal((await anna.hears(key.id)).text, 'look at me');
});

test('a note to self', async () => {
  const { key } = await client.socket.sendMessage(phone.pn, { text: 'buy milk' });
  assert.equal((await phone.mirrors(key.id)).text, 'buy milk');
});

test('nothing of this made the client complain', () => {
  assert.deepEqual(unhappy(client), []);
});
