import assert from 'node:assert/strict';
import test from 'node:test';
import { proto } from '@whiskeysockets/baileys';
import { textOf } from '../lib/client.js';
import { until } from '../lib/until.js';
import { control, friend, link, newClient, newNumber, pair, scan, unhappy } from '../lib/world.js';

const { INITIAL_BOOTSTRAP, ON_DEMAND } = proto.HistorySync.HistorySyncType;

test('the first sync lets go of the events', async (t) => {
  const phone = await control.phone(newNumber(), 'Alice');
  const anna = await friend('Anna');
  const client = newClient(t);
  client.connect();
  await scan(client, phone);
  const began = Date.now();
  await client.message(await anna.say({ to: phone.number, text: 'hello' }));
  assert.ok(Date.now() - began < 15_000, 'Baileys waits for 20 s when no history comes');
  await client.event('messaging-history.set', (set) => set.syncType === INITIAL_BOOTSTRAP);
  // Of the pieces, which it fetches side by side, the first it has read counts as the latest.
  await client.event('messaging-history.set', (set) => set.isLatest);
});

test('what was said before comes as history', async (t) => {
  const { phone } = await pair(t);
  const anna = await friend('Anna');
  const id = await anna.say({ to: phone.number, text: 'before you came' });
  const client = await link(t, phone);
  const message = await client.event('messaging-history.set', ({ messages }) => messages.find((m) => m.key.id === id));
  assert.equal(textOf(message.message), 'before you came');
  assert.deepEqual(unhappy(client), []);
});

test('a long history', async (t) => {
  const { historyChats, historyMessages } = await control.knobs({});
  t.after(() => control.knobs({ historyChats, historyMessages }));
  await control.knobs({ historyChats: 20, historyMessages: 30 });
  const { client } = await pair(t);
  const chats = new Set();
  await client.event('messaging-history.set', (set) => {
    for (const { id } of set.chats) chats.add(id);
    return chats.size >= 20;
  });
  assert.deepEqual(unhappy(client), []);
});

test('older messages on demand', async (t) => {
  const { phone, client } = await pair(t);
  const anna = await friend('Anna');
  const older = await anna.say({ to: phone.number, text: 'older' });
  const newer = await client.message(await anna.say({ to: phone.number, text: 'newer' }));
  await client.socket.fetchMessageHistory(10, newer.key, newer.messageTimestamp * 1000);
  await client.event('messaging-history.set', (set) =>
    set.syncType === ON_DEMAND && set.messages.some((m) => m.key.id === older));
  assert.deepEqual(unhappy(client), []);
});

test('a message that the phone hands on', async (t) => {
  const { phone, client } = await pair(t);
  const anna = await friend('Anna');
  const { key } = await client.message(await anna.say({ to: phone.number, text: 'once more' }));
  await client.socket.requestPlaceholderResend(key); // waits for 2 s by itself
  const comes = ({ messages }) => messages.some((m) => m.key.id === key.id && textOf(m.message) === 'once more');
  await until(() => client.count('messages.upsert', comes) === 2 || undefined, 'the message from the phone');
});
