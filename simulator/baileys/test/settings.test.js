import assert from 'node:assert/strict';
import test, { before } from 'node:test';
import { friend, link, pair, unhappy } from '../lib/world.js';

// Baileys verifies the MACs of app state when it is told to.
const strict = { appStateMacVerification: { patch: true, snapshot: true } };

let phone, client, second, anna, last;

before(async (t) => {
  ({ phone, client } = await pair(t, 'Alice', strict));
  second = await link(t, phone, strict);
  anna = await friend('Anna');
  last = await client.message(await anna.say({ to: phone.number, text: 'hello' }));
});

/** shows waits until the phone shows this of the chat with Anna. */
const shows = (match) => phone.settings(({ chats }) => match(chats[anna.lid] ?? {}));

/** changed waits until the second companion knows it too. */
const changed = (match) => second.event('chats.update', (list) =>
  list.some((chat) => [anna.lid, anna.pn].includes(chat.id) && match(chat)));

test('the push name comes with the first sync', async () => {
  assert.equal(client.store.creds.me.name, 'Alice');
  assert.equal(second.store.creds.me.name, 'Alice');
});

test('archive', async () => {
  await client.socket.chatModify({ archive: true, lastMessages: [last] }, anna.pn);
  await shows((chat) => chat.archived);
  await changed((chat) => chat.archived);
});

test('pin', async () => {
  await client.socket.chatModify({ pin: true }, anna.pn);
  await shows((chat) => chat.pinned);
  await changed((chat) => chat.pinned);
});

test('mute', async () => {
  const end = Date.now() + 3_600_000;
  await client.socket.chatModify({ mute: end }, anna.pn);
  await shows((chat) => chat.muted && Date.parse(chat.mutedUntil) === end);
  await changed((chat) => Number(chat.muteEndTime) === end);
});

test('mark as unread', async () => {
  await client.socket.chatModify({ markRead: false, lastMessages: [last] }, anna.pn);
  await shows((chat) => chat.unread);
});

test('star', async () => {
  await client.socket.star(anna.pn, [{ id: last.key.id, fromMe: false }], true);
  await phone.settings(({ starred }) => starred.includes(last.key.id));
});

test('a contact in the address book', async () => {
  await client.socket.addOrEditContact(anna.pn, { fullName: 'Anna Alt', firstName: 'Anna' });
  await phone.settings(({ contacts }) => contacts[anna.lid]?.full === 'Anna Alt');
});

test('a new push name', async () => {
  await client.socket.updateProfileName('Alicia');
  await phone.settings(({ pushName }) => pushName === 'Alicia');
  const { pushName } = await second.message(await sayAs(client));
  assert.equal(pushName, 'Alicia');
});

/** sayAs lets a client write to Anna and returns the message's id. */
async function sayAs(client) {
  const { key } = await client.socket.sendMessage(anna.pn, { text: 'it is me' });
  return key.id;
}

test('both companions change settings in turn', async () => {
  for (const [who, pin] of [[second, false], [client, true], [second, false], [client, true]]) {
    await who.socket.chatModify({ pin }, anna.pn);
    await shows((chat) => chat.pinned === pin);
  }
});

test('nothing of this made the clients complain', () => {
  assert.deepEqual(unhappy(client), []);
  assert.deepEqual(unhappy(second), []);
});
