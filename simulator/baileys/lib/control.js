// The control API of a running simulator: what its phones and people do.

import { until } from './until.js';

/** Refusal is an answer of the control API that is not a success. */
export class Refusal extends Error {
  constructor(status, sentence) {
    super(`${status}: ${sentence}`);
    this.status = status;
    this.sentence = sentence;
  }
}

/** Control speaks to the simulator at base, http://host:port. */
export class Control {
  constructor(base) {
    this.base = base;
  }

  /** call makes one call and returns what it answers. */
  async call(method, path, body) {
    const response = await fetch(`${this.base}/simulator${path}`, {
      method,
      body: body === undefined ? undefined : JSON.stringify(body),
      headers: { 'Content-Type': 'application/json' },
    });
    if (!response.headers.get('Content-Type').startsWith('application/json')) {
      return Buffer.from(await response.arrayBuffer());
    }
    const answer = await response.json();
    if (!response.ok) throw new Refusal(response.status, answer.error);
    return answer;
  }

  overview() {
    return this.call('GET', '');
  }

  fault(fault) {
    return this.call('POST', '/faults', fault);
  }

  knobs(change) {
    return this.call('POST', '/knobs', change);
  }

  /** group makes one; creator and members are people. */
  async group(subject, creator, ...members) {
    const body = { subject, creator: creator.number, members: members.map((m) => m.number) };
    return (await this.call('POST', '/groups', body)).jid;
  }

  async phone(number, name) {
    return new Person(this, await this.call('POST', '/phones', { number, name }), name);
  }

  async contact(number, name) {
    return new Person(this, await this.call('POST', '/contacts', { number, name }), name);
  }
}

/** Person is somebody with a phone: what they do on it, and what it shows. */
export class Person {
  constructor(control, { number, lid }, name) {
    this.control = control;
    this.number = number;
    this.lid = lid;
    this.name = name;
    this.pn = `${number}@s.whatsapp.net`;
  }

  post(path, body) {
    return this.control.call('POST', `/phones/${this.number}${path}`, body);
  }

  get(path) {
    return this.control.call('GET', `/phones/${this.number}${path}`);
  }

  /** say writes a message, a Saying, and returns its id. */
  async say(saying) {
    return (await this.post('/send', saying)).id;
  }

  /** hears waits for the message with this id and returns it as the phone shows it. */
  hears(id) {
    return this.#find('/inbox', (entry) => entry.id === id);
  }

  /** mirrors waits for a message that one of the own companions has sent. */
  mirrors(id) {
    return this.#find('/mirror', (entry) => entry.id === id);
  }

  /** receipt waits until a companion has reported this of a message. */
  receipt(id, ...types) {
    return this.#find('/receipts', (receipt) => receipt.id === id && types.includes(receipt.type));
  }

  /** linked waits until so many companions are linked and returns them. */
  async linked(count) {
    await until(async () => (await this.companions()).length === count || undefined, `${count} companions`);
    return this.companions();
  }

  /** settings waits until the phone's settings are as match wants them. */
  settings(match) {
    return until(async () => {
      const settings = await this.get('/settings');
      return match(settings) ? settings : undefined;
    }, `settings of ${this.name}: ${match}`);
  }

  #find(path, match) {
    return until(async () => (await this.get(path)).find(match), `${path} of ${this.name}: ${match}`);
  }

  /** file is the decrypted file of a message. */
  file(id) {
    return this.get(`/inbox/${id}/media`);
  }

  /** companions are the linked devices, as the server sees them. */
  async companions() {
    return (await this.get('')).companions;
  }
}
