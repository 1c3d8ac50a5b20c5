import assert from 'node:assert/strict';
import test, { before } from 'node:test';
import { friend, newNumber, pair, unhappy } from '../lib/world.js';

let alice, bob; // each {phone, client}

before(async (t) => {
  alice = await pair(t, 'Alice');
  bob = await pair(t, 'Bob');
});

test('who is on WhatsApp', async () => {
  const answers = await alice.client.socket.onWhatsApp(`+${bob.phone.number}`, newNumber());
  assert.deepEqual(answers, [{ jid: bob.phone.pn, exists: true }]); // Baileys leaves out who is not
});

test('about', async () => {
  await bob.client.socket.updateProfileStatus('at work');
  const [{ status }] = await alice.client.socket.fetchStatus(bob.phone.pn);
  assert.equal(status.status, 'at work');
});

test('profile picture', async () => {
  const { socket } = bob.client;
  const jpeg = Buffer.concat([Buffer.from('ffd8ffe0', 'hex'), Buffer.alloc(1000, 'picture')]);
  assert.equal(await alice.client.socket.profilePictureUrl(bob.phone.pn, 'image').catch((e) => e.data), 404);
  // What updateProfilePicture sends; it also wants an image library.
  await socket.query({
    tag: 'iq',
    attrs: { to: '@s.whatsapp.net', type: 'set', xmlns: 'w:profile:picture' },
    content: [{ tag: 'picture', attrs: { type: 'image' }, content: jpeg }],
  });
  const url = await alice.client.socket.profilePictureUrl(bob.phone.pn, 'image');
  const download = await fetch(url, alice.client.config.options);
  assert.deepEqual(Buffer.from(await download.arrayBuffer()), jpeg);
  assert.match(await alice.client.socket.profilePictureUrl(bob.phone.lid), /^https:/);
  await socket.removeProfilePicture(bob.phone.pn);
  assert.equal(await alice.client.socket.profilePictureUrl(bob.phone.pn).catch((e) => e.data), 404);
});

test('privacy settings', async () => {
  const { socket } = bob.client;
  await socket.updateLastSeenPrivacy('none');
  await socket.updateReadReceiptsPrivacy('none');
  const { last, readreceipts, groupadd } = await socket.fetchPrivacySettings(true);
  assert.deepEqual({ last, readreceipts, groupadd }, { last: 'none', readreceipts: 'none', groupadd: 'all' });
  await socket.updateLastSeenPrivacy('all');
  await socket.updateReadReceiptsPrivacy('all');
});

test('disappearing messages by default', async () => {
  await bob.client.socket.updateDefaultDisappearingMode(86400);
  const [answer] = await alice.client.socket.fetchDisappearingDuration(bob.phone.pn);
  assert.equal(answer.disappearing_mode.duration, 86400);
});

test('block and unblock', async () => {
  const { socket } = alice.client;
  const carl = await friend('Carl');
  await alice.client.message(await carl.say({ to: alice.phone.number, text: 'hello' }));
  await socket.updateBlockStatus(carl.pn, 'block');
  assert.deepEqual(await socket.fetchBlocklist(), [carl.lid]);
  const blocked = await carl.say({ to: alice.phone.number, text: 'are you there?' });
  await socket.updateBlockStatus(carl.pn, 'unblock');
  assert.deepEqual(await socket.fetchBlocklist(), []);
  await alice.client.message(await carl.say({ to: alice.phone.number, text: 'hello again' }));
  assert.equal(alice.client.count('messages.upsert', ({ messages }) => messages.some((m) => m.key.id === blocked)), 0);
});

test('presence', async () => {
  const seen = (presence) => alice.client.event('presence.update', ({ presences }) =>
    Object.values(presences).some((p) => p.lastKnownPresence === presence));
  await alice.client.socket.sendPresenceUpdate('available');
  await bob.client.socket.sendPresenceUpdate('unavailable');
  await alice.client.socket.presenceSubscribe(bob.phone.pn);
  await seen('unavailable');
  await bob.client.socket.sendPresenceUpdate('available');
  await seen('available');
});

test('typing and recording', async () => {
  const seen = (presence) => alice.client.event('presence.update', ({ presences }) =>
    Object.values(presences).some((p) => p.lastKnownPresence === presence));
  await alice.client.socket.sendPresenceUpdate('available');
  await bob.client.socket.sendPresenceUpdate('composing', alice.phone.pn);
  await seen('composing');
  await bob.client.socket.sendPresenceUpdate('recording', alice.phone.lid);
  await seen('recording');
  const carl = await friend('Carl');
  await alice.client.message(await carl.say({ to: alice.phone.number, text: 'hello' }));
  await carl.post('/typing', { to: alice.phone.number });
  await alice.client.event('presence.update', ({ presences }) => presences[carl.lid]?.lastKnownPresence === 'composing');
});

test('nothing of this made the clients complain', () => {
  assert.deepEqual(unhappy(alice.client), []);
  assert.deepEqual(unhappy(bob.client), []);
});
