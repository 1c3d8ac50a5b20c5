import assert from 'node:assert/strict';
import test, { before } from 'node:test';
import { textOf } from '../lib/client.js';
import { control, friend, pair, unhappy } from '../lib/world.js';

const admins = (metadata) => metadata.participants.filter((p) => p.admin).map((p) => p.id);
const members = (metadata) => metadata.participants.map((p) => p.id).sort();
const lids = (...people) => people.map((person) => person.lid).sort();

let phone, client, socket, anna, berta;

before(async (t) => {
  ({ phone, client } = await pair(t));
  socket = client.socket;
  anna = await friend('Anna');
  berta = await friend('Berta');
});

/** told waits until the members of a group change as pick finds it. */
const told = (group, action, person) => client.event('group-participants.update', (update) =>
  update.id === group && update.action === action && update.participants.some((p) => (p.id ?? p) === person.lid));

test('create, look at, list', async () => {
  const made = await socket.groupCreate('Us', [anna.pn, berta.pn]);
  assert.equal(made.subject, 'Us');
  assert.equal(made.owner, phone.lid);
  assert.equal(made.addressingMode, 'lid');
  assert.deepEqual(members(made), lids(phone, anna, berta));

  const seen = await socket.groupMetadata(made.id);
  assert.deepEqual(seen.participants, made.participants);
  assert.deepEqual(admins(seen), [phone.lid]);
  assert.deepEqual(seen.participants.map((p) => p.phoneNumber).sort(), [phone.pn, anna.pn, berta.pn].sort());

  const all = await socket.groupFetchAllParticipating();
  assert.equal(all[made.id].subject, 'Us');
  await client.event('groups.upsert', (list) => list.some((group) => group.id === made.id));
});

test('made by somebody else', async () => {
  const group = await control.group('Theirs', anna, phone);
  await client.event('groups.upsert', (list) => list.some((g) => g.id === group && g.subject === 'Theirs'));
});

test('messages go to all and come from all', async () => {
  const { id } = await socket.groupCreate('Talk', [anna.pn, berta.pn]);
  for (const said of ['first, with the sender key', 'second, without']) {
    const { key } = await socket.sendMessage(id, { text: said });
    for (const who of [anna, berta]) {
      const shown = await who.hears(key.id);
      assert.equal(shown.text, said);
      assert.equal(shown.chat, id);
      assert.equal(shown.from, phone.number);
    }
    assert.equal((await phone.mirrors(key.id)).chat, id);
  }
  for (const who of [anna, berta, anna]) {
    const message = await client.message(await who.say({ to: id, text: `from ${who.name}` }));
    assert.equal(textOf(message.message), `from ${who.name}`);
    assert.equal(message.key.remoteJid, id);
    assert.equal(message.key.participant, who.lid);
    assert.equal(message.key.participantAlt, who.pn);
  }
});

test('each member gets a message once', async () => {
  const { id } = await socket.groupCreate('Once', [anna.pn]);
  const { key } = await socket.sendMessage(id, { text: 'once' });
  await anna.hears(key.id);
  const { key: last } = await socket.sendMessage(id, { text: 'last' });
  await anna.hears(last.id);
  const inbox = await anna.get('/inbox');
  assert.deepEqual(inbox.filter((e) => e.chat === id).map((e) => e.text), ['once', 'last']);
});

test('reactions, edits and revokes in a group', async () => {
  const { id } = await socket.groupCreate('Changes', [anna.pn]);
  const heard = await client.message(await anna.say({ to: id, text: 'what?' }));
  const { key: reaction } = await socket.sendMessage(id, { react: { text: '❤️', key: heard.key } });
  assert.equal((await anna.hears(reaction.id)).target, heard.key.id);
  const { key } = await socket.sendMessage(id, { text: 'tihs' });
  const { key: edit } = await socket.sendMessage(id, { text: 'this', edit: key });
  assert.equal((await anna.hears(edit.id)).text, 'this');
  const { key: revoke } = await socket.sendMessage(id, { delete: heard.key }); // as admin
  assert.equal((await anna.hears(revoke.id)).target, heard.key.id);
});

test('members come, rise, fall and go', async () => {
  const { id } = await socket.groupCreate('Change', [anna.pn]);
  for (const [action, check] of [
    ['add', (m) => assert.deepEqual(members(m), lids(phone, anna, berta))],
    ['promote', (m) => assert.deepEqual(admins(m).sort(), lids(phone, berta))],
    ['demote', (m) => assert.deepEqual(admins(m), [phone.lid])],
    ['remove', (m) => assert.deepEqual(members(m), lids(phone, anna))],
  ]) {
    const [result] = await socket.groupParticipantsUpdate(id, [berta.pn], action);
    assert.equal(result.status, '200', action);
    await told(id, action, berta);
    check(await socket.groupMetadata(id));
  }
  const { key } = await socket.sendMessage(id, { text: 'without Berta' });
  await anna.hears(key.id);
  assert.ok(!(await berta.get('/inbox')).some((entry) => entry.id === key.id));
});

test('somebody else changes the members', async () => {
  const group = await control.group('Theirs', anna, phone);
  const change = (action) => control.call('POST', `/groups/${group}/participants`,
    { action, by: anna.number, numbers: [berta.number] });
  await change('add');
  await told(group, 'add', berta);
  const { key } = await socket.sendMessage(group, { text: 'hello Berta' });
  await berta.hears(key.id);
  await change('promote');
  await told(group, 'promote', berta);
  await change('remove');
  await told(group, 'remove', berta);
});

test('what a member may not do, and what is not there', async () => {
  const group = await control.group('Theirs', anna, phone, berta);
  await assert.rejects(socket.groupParticipantsUpdate(group, [berta.pn], 'remove'), { data: 401 });
  await assert.rejects(socket.groupMetadata('120363000000000001@g.us'), { data: 404 });
});

test('subject, description and settings', async () => {
  const { id } = await socket.groupCreate('Before', [anna.pn]);
  await socket.groupUpdateSubject(id, 'After');
  await client.event('groups.update', (list) => list.some((g) => g.id === id && g.subject === 'After'));
  await socket.groupUpdateDescription(id, 'what for');
  await socket.groupUpdateDescription(id, 'what else');
  await socket.groupSettingUpdate(id, 'announcement');
  await socket.groupSettingUpdate(id, 'locked');
  await socket.groupToggleEphemeral(id, 86400);
  await socket.groupMemberAddMode(id, 'all_member_add');
  await socket.groupJoinApprovalMode(id, 'on');
  const group = await socket.groupMetadata(id);
  assert.equal(group.subject, 'After');
  assert.equal(group.desc, 'what else');
  assert.equal(group.descOwner, phone.lid);
  assert.equal(group.announce, true);
  assert.equal(group.restrict, true);
  assert.equal(group.ephemeralDuration, 86400);
  assert.equal(group.memberAddMode, true);
  assert.equal(group.joinApprovalMode, true);
  await socket.groupSettingUpdate(id, 'not_announcement');
  await socket.groupSettingUpdate(id, 'unlocked');
  await socket.groupToggleEphemeral(id, 0);
  const undone = await socket.groupMetadata(id);
  assert.deepEqual([undone.announce, undone.restrict, undone.ephemeralDuration], [false, false, undefined]);
});

test('leave', async () => {
  const { id } = await socket.groupCreate('Short', [anna.pn]);
  await socket.groupLeave(id);
  await assert.rejects(socket.groupMetadata(id), { data: 403 });
  assert.equal((await socket.groupFetchAllParticipating())[id], undefined);
});

test('nothing of this made the client complain', () => {
  assert.deepEqual(unhappy(client), []);
});
