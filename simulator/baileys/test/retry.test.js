import assert from 'node:assert/strict';
import test, { before } from 'node:test';
import { textOf } from '../lib/client.js';
import { control, friend, pair } from '../lib/world.js';

let phone, client, anna;

before(async (t) => {
  ({ phone, client } = await pair(t));
  anna = await friend('Anna');
});

const text = ({ message }) => textOf(message);

test('a message that does not decrypt is asked for again', async () => {
  await control.fault({ fault: 'corrupt', number: phone.number, times: 1 });
  const id = await anna.say({ to: phone.number, text: 'garbled' });
  assert.equal(text(await client.message(id)), 'garbled');
  const next = await anna.say({ to: phone.number, text: 'clear' });
  assert.equal(text(await client.message(next)), 'clear');
});

test('so is one in the middle of a conversation', async () => {
  const { key } = await client.socket.sendMessage(anna.pn, { text: 'hello' });
  await anna.hears(key.id);
  await control.fault({ fault: 'corrupt', number: phone.number, times: 1 });
  const id = await anna.say({ to: phone.number, text: 'garbled again' });
  assert.equal(text(await client.message(id)), 'garbled again');
  const { key: next } = await client.socket.sendMessage(anna.pn, { text: 'I hear you' });
  await anna.hears(next.id);
});

test('and one in a group', async () => {
  const group = await control.group('Us', phone, anna);
  await client.message(await anna.say({ to: group, text: 'first' }));
  await control.fault({ fault: 'corrupt', number: phone.number, times: 1 });
  const id = await anna.say({ to: group, text: 'garbled in a group' });
  assert.equal(text(await client.message(id)), 'garbled in a group');
});

test('a contact with a new identity writes', async () => {
  await control.fault({ fault: 'change_identity', number: anna.number });
  const id = await anna.say({ to: phone.number, text: 'new phone' });
  assert.equal(text(await client.message(id)), 'new phone');
});

test('and is written to', async () => {
  const { key } = await client.socket.sendMessage(anna.pn, { text: 'before' });
  await anna.hears(key.id);
  await control.fault({ fault: 'change_identity', number: anna.number });
  const { key: after } = await client.socket.sendMessage(anna.pn, { text: 'after' });
  assert.equal((await anna.hears(after.id)).text, 'after');
});

test('and is written to in a group', async () => {
  const group = await control.group('Us', phone, anna);
  const { key } = await client.socket.sendMessage(group, { text: 'before' });
  await anna.hears(key.id);
  await control.fault({ fault: 'change_identity', number: anna.number });
  const { key: after } = await client.socket.sendMessage(group, { text: 'after' });
  assert.equal((await anna.hears(after.id)).text, 'after');
});
