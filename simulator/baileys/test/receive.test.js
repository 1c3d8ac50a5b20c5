import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import test, { before } from 'node:test';
import { downloadMediaMessage, proto } from '@whiskeysockets/baileys';
import { textOf } from '../lib/client.js';
import { control, friend, pair, unhappy } from '../lib/world.js';

const { REVOKE } = proto.Message.ProtocolMessage.Type;
let phone, client, anna;

before(async (t) => {
  ({ phone, client } = await pair(t));
  anna = await friend('Anna');
});

/** heard lets Anna write and waits until the client has it. */
async function heard(saying) {
  const id = await anna.say({ to: phone.number, ...saying });
  return client.message(id);
}

test('a text', async () => {
  const { key, message, pushName, messageTimestamp } = await heard({ text: 'hello' });
  assert.equal(textOf(message), 'hello');
  assert.equal(pushName, 'Anna');
  assert.equal(key.remoteJid, anna.lid);
  assert.equal(key.remoteJidAlt, anna.pn);
  assert.equal(key.fromMe, false);
  assert.ok(Math.abs(messageTimestamp - Date.now() / 1000) < 60);
});

test('a quoted reply that mentions somebody', async () => {
  const { key } = await heard({ text: 'one' });
  const { message } = await heard({ text: 'two @you', reply: { id: key.id }, mentions: [phone.number] });
  const { text, contextInfo } = message.extendedTextMessage;
  assert.equal(text, 'two @you');
  assert.equal(contextInfo.stanzaId, key.id);
  assert.equal(textOf(contextInfo.quotedMessage), 'one');
  assert.deepEqual(contextInfo.mentionedJid, [phone.lid]);
});

for (const [kind, field] of [
  ['image', 'imageMessage'], ['video', 'videoMessage'], ['audio', 'audioMessage'],
  ['voice', 'audioMessage'], ['document', 'documentMessage'], ['sticker', 'stickerMessage'],
]) {
  test(`${kind}, downloaded`, async () => {
    const file = randomBytes(100_000);
    const received = await heard({ media: { kind, base64: file.toString('base64'), fileName: kind === 'document' ? 'a.bin' : undefined } });
    assert.ok(received.message[field], Object.keys(received.message).join());
    assert.equal(received.message.audioMessage?.ptt ?? false, kind === 'voice');
    assert.deepEqual(await downloadMediaMessage(received, 'buffer', client.config), file);
  });
}

test('a location', async () => {
  const { message } = await heard({ location: { latitude: 52.5, longitude: 13.4, name: 'Berlin' } });
  assert.equal(message.locationMessage.degreesLatitude, 52.5);
  assert.equal(message.locationMessage.degreesLongitude, 13.4);
  assert.equal(message.locationMessage.name, 'Berlin');
});

test('a contact card', async () => {
  const { message } = await heard({ contact: { name: 'Carl', number: '491510000009' } });
  assert.equal(message.contactMessage.displayName, 'Carl');
  assert.match(message.contactMessage.vcard, /waid=491510000009/);
});

test('a reaction and its end', async () => {
  const { key } = await heard({ text: 'react to me' });
  const reaction = (text) => client.event('messages.reaction', (list) =>
    list.some((r) => r.key.id === key.id && (r.reaction.text ?? '') === text));
  await anna.say({ reaction: { id: key.id, emoji: '👍' } });
  await reaction('👍');
  await anna.say({ reaction: { id: key.id, emoji: '' } });
  await reaction('');
});

test('an edit', async () => {
  const { key } = await heard({ text: 'befor' });
  await anna.say({ edit: { id: key.id, text: 'before' } });
  const { message } = await client.update(key.id, (u) => u.message?.editedMessage);
  assert.equal(textOf(message.editedMessage.message), 'before');
});

test('a revoked message', async () => {
  const { key } = await heard({ text: 'oh no' });
  const revoke = await anna.say({ revoke: { id: key.id } });
  await client.update(key.id, (u) => u.message === null);
  const { message } = await client.message(revoke);
  assert.equal(message.protocolMessage.type, REVOKE);
});

test('a poll', async () => {
  const poll = await heard({ poll: { question: 'Where?', options: ['here', 'there'], selectable: 1 } });
  const { name, options, selectableOptionsCount } = poll.message.pollCreationMessageV3 ?? poll.message.pollCreationMessage;
  assert.equal(name, 'Where?');
  assert.deepEqual(options.map((o) => o.optionName), ['here', 'there']);
  assert.equal(selectableOptionsCount, 1);
});

test('what the own phone writes', async () => {
  const { key, message } = await client.message(await phone.say({ to: anna.number, text: 'from my phone' }));
  assert.equal(key.fromMe, true);
  assert.equal(key.remoteJid, anna.lid);
  assert.equal(textOf(message), 'from my phone');
});

test('what the own phone writes in a group', async () => {
  const group = await control.group('Us', phone, anna);
  const { key, message } = await client.message(await phone.say({ to: group, text: 'from my phone' }));
  assert.equal(key.fromMe, true);
  assert.equal(key.remoteJid, group);
  assert.equal(textOf(message), 'from my phone');
});

test('a status update', async () => {
  const { key, message } = await client.message(await anna.say({ to: 'status@broadcast', text: 'look at me' }));
  assert.equal(key.remoteJid, 'status@broadcast');
  assert.equal(key.participant, anna.lid);
  assert.equal(textOf(message), 'look at me');
});

test('a file that has left the servers is uploaded again', async () => {
  const file = randomBytes(1000);
  const received = await heard({ media: { kind: 'image', base64: file.toString('base64') } });
  await control.fault({ fault: 'fail_download', code: 410, times: 1 });
  await assert.rejects(downloadMediaMessage(received, 'buffer', client.config), (error) => error.output.statusCode === 410);
  // Baileys would ask for it by itself if its own errors had a status.
  const again = await client.socket.updateMediaMessage(received);
  assert.deepEqual(await downloadMediaMessage(again, 'buffer', client.config), file);
});

test('nothing of this made the client complain', () => {
  assert.deepEqual(unhappy(client), []);
});
