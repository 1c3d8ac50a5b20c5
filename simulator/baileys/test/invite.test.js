import assert from 'node:assert/strict';
import test, { before } from 'node:test';
import { control, friend, pair, unhappy } from '../lib/world.js';

let alice, bob; // each {phone, client}

before(async (t) => {
  alice = await pair(t, 'Alice');
  bob = await pair(t, 'Bob');
});

const has = (metadata, person) => metadata.participants.some((p) => p.id === person.lid);

test('join by link', async () => {
  const { id } = await alice.client.socket.groupCreate('Open', []);
  const code = await alice.client.socket.groupInviteCode(id);
  const shown = await bob.client.socket.groupGetInviteInfo(code);
  assert.equal(shown.subject, 'Open');
  assert.equal(await bob.client.socket.groupAcceptInvite(code), id);
  assert.ok(has(await bob.client.socket.groupMetadata(id), bob.phone));
  const { key } = await bob.client.socket.sendMessage(id, { text: 'here I am' });
  await alice.client.message(key.id);
});

test('a revoked link', async () => {
  const { id } = await alice.client.socket.groupCreate('Closed', []);
  const old = await alice.client.socket.groupInviteCode(id);
  const next = await alice.client.socket.groupRevokeInvite(id);
  assert.notEqual(next, old);
  await assert.rejects(bob.client.socket.groupAcceptInvite(old), { data: 410 });
  assert.equal(await bob.client.socket.groupAcceptInvite(next), id);
});

test('join after approval', async () => {
  const { id } = await alice.client.socket.groupCreate('Asked', []);
  await alice.client.socket.groupJoinApprovalMode(id, 'on');
  await bob.client.socket.groupAcceptInvite(await alice.client.socket.groupInviteCode(id));
  const requests = await alice.client.socket.groupRequestParticipantsList(id);
  assert.deepEqual(requests.map((request) => request.jid), [bob.phone.lid]);
  const [result] = await alice.client.socket.groupRequestParticipantsUpdate(id, [bob.phone.lid], 'approve');
  assert.equal(result.status, '200');
  await bob.client.event('groups.upsert', (list) => list.some((group) => group.id === id));
  assert.ok(has(await alice.client.socket.groupMetadata(id), bob.phone));
});

test('nothing of this made the clients complain', () => {
  assert.deepEqual(unhappy(alice.client), []);
  assert.deepEqual(unhappy(bob.client), []);
});
