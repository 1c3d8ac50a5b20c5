// What each test file begins with: the simulator that the environment names,
// people with numbers of their own, and clients that end with the test.

import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { Client } from './client.js';
import { Control } from './control.js';
import { until } from './until.js';

const base = process.env.SIMULATOR_URL;
assert.ok(base, 'SIMULATOR_URL must be the URL of a running simulator');

/** control is the simulator under test. */
export const control = new Control(base);

/** newNumber is a phone number that no other test uses. */
export const newNumber = () => `4915${randomInt(1e8, 1e9)}`;

/** newClient makes a client that is not linked. */
export function newClient(t, config) {
  const client = new Client(base, config);
  t.after(() => client.close());
  return client;
}

/** scan lets a phone scan the QR code that the client shows. */
export async function scan(client, phone) {
  const { qr } = await client.event('connection.update', (update) => update.qr !== undefined);
  return (await phone.post('/scan', { qr })).jid;
}

/**
 * link links one more client to a phone and waits until it has everything that
 * a phone tells a new companion. Baileys holds its events back until then.
 */
export async function link(t, phone, config) {
  const client = newClient(t, config);
  client.connect();
  const jid = await scan(client, phone);
  await synced(client, phone, jid);
  return client;
}

/** synced waits for the end of the first sync of a companion. */
export async function synced(client, phone, jid) {
  await client.event('creds.update', (update) => update.accountSyncCounter === 1);
  await until(async () => {
    const { owed } = (await phone.companions()).find((companion) => companion.jid === jid);
    return owed === 0 || undefined;
  }, `${phone.name} to be done with ${jid}`);
}

/** pair makes a phone and links a client to it. */
export async function pair(t, name = 'Alice', config) {
  const phone = await control.phone(newNumber(), name);
  return { phone, client: await link(t, phone, config) };
}

/** friend makes somebody to talk to. */
export const friend = (name) => control.contact(newNumber(), name);

/**
 * unhappy are the warnings of a client but those that a test provokes or that
 * are Baileys' own.
 */
export const unhappy = (client, ...expected) => client.log.but(...expected);
