// A Baileys client as the tests use it: unpatched, with its default settings.

import { makeWASocket, DisconnectReason } from '@whiskeysockets/baileys';
import { Complaints } from './complaints.js';
import { downloadDispatcher, uploadAgent } from './redirect.js';
import { newStore } from './store.js';
import { within } from './until.js';

/** textOf is the text of a message, however it was sent. */
export const textOf = (message) => message?.conversation || message?.extendedTextMessage?.text;

/** Client is one linked or linking device. */
export class Client {
  #events = [];
  #waiting = new Set();

  /** base is the simulator's URL; config overrides settings of Baileys. */
  constructor(base, config = {}) {
    const { hostname, port } = new URL(base);
    this.store = newStore();
    this.log = new Complaints();
    this.config = {
      logger: this.log,
      waWebSocketUrl: `ws://${hostname}:${port}/ws/chat`,
      fetchAgent: uploadAgent(base),
      options: { dispatcher: downloadDispatcher(base) },
      ...config,
    };
  }

  /** connect opens a connection. Events of earlier ones are forgotten. */
  connect() {
    this.#events = [];
    this.socket = makeWASocket({ auth: this.store, ...this.config });
    this.socket.ev.process((events) => {
      for (const [name, value] of Object.entries(events)) this.#note(name, value);
    });
  }

  /** open connects and waits until the client is logged in. */
  async open() {
    this.connect();
    await this.event('connection.update', (update) => update.connection === 'open');
  }

  /**
   * event waits for an event of this connection, past or coming, that pick
   * takes, and returns what pick returned, or the event if that was true.
   */
  event(name, pick) {
    return this.#happens(`${name}: ${pick}`, (event) => {
      const found = event.name === name && pick(event.value);
      return found === true ? event.value : found;
    });
  }

  /**
   * status waits until a message that this account has sent has a status.
   * Baileys tells a change by itself or, if it comes soon, with the message. It
   * returns the key of the message.
   */
  status(id, status) {
    const has = (key, is) => key.id === id && is === status;
    return this.#happens(`status ${status} of ${id}`, ({ name, value }) =>
      (name === 'messages.update' && value.find(({ key, update }) => has(key, update.status))?.key) ||
      (name === 'messages.upsert' && value.messages.find((m) => has(m.key, m.status))?.key));
  }

  /** confirmed is status for one member of a group; field is receiptTimestamp or readTimestamp. */
  confirmed(id, jid, field) {
    const by = (receipt) => receipt.userJid === jid && receipt[field];
    return this.#happens(`${field} of ${id} by ${jid}`, ({ name, value }) =>
      (name === 'message-receipt.update' && value.some((r) => r.key.id === id && by(r.receipt))) ||
      (name === 'messages.upsert' && value.messages.some((m) => m.key.id === id && m.userReceipt?.some(by))));
  }

  /** count is how many events of this connection pick takes. */
  count(name, pick) {
    return this.#events.filter((event) => event.name === name && pick(event.value)).length;
  }

  /** message waits for a message that is new to this device. */
  message(id) {
    return this.event('messages.upsert', ({ messages }) => messages.find((m) => m.key.id === id && m.message));
  }

  /** said waits for a message with this text in a chat. */
  said(chat, text) {
    return this.event('messages.upsert', ({ messages }) => messages.find(({ key, message }) =>
      key.remoteJid === chat && textOf(message) === text));
  }

  /** update waits for a change of a message, as pick finds it. */
  update(id, pick) {
    return this.event('messages.update', (changes) => {
      const change = changes.find((c) => c.key.id === id && pick(c.update));
      return change?.update;
    });
  }

  /** closed waits for the end of the connection and returns its status code. */
  async closed() {
    const update = await this.event('connection.update', (u) => u.connection === 'close');
    return update.lastDisconnect.error?.output?.statusCode;
  }

  /** close ends the connection, as a program does that ends. */
  close() {
    return this.socket.end(undefined);
  }

  #happens(what, taken) {
    for (const event of this.#events) {
      const found = taken(event);
      if (found) return Promise.resolve(found);
    }
    let waiter;
    const coming = new Promise((resolve) => {
      waiter = (event) => {
        const found = taken(event);
        if (found) resolve(found);
      };
      this.#waiting.add(waiter);
    });
    return within(coming, what).finally(() => this.#waiting.delete(waiter));
  }

  #note(name, value) {
    const event = { name, value };
    this.#events.push(event);
    for (const waiter of this.#waiting) waiter(event);
    // What every program with Baileys does: it is asked to after linking.
    const code = value.lastDisconnect?.error?.output?.statusCode;
    if (name === 'connection.update' && value.connection === 'close' && code === DisconnectReason.restartRequired) {
      this.connect();
    }
  }
}
