// Baileys tells of what it did not like in its log only. The tests read it
// there: a server that a client warns about is not what the client knows.

// What Baileys warns about whenever it links a device: it takes the request to
// connect again for an error, and knows no push name before the first sync.
const ordinary = [/^stream errored out$/, /^no name present, ignoring presence update request/];

// libsignal writes keys and guesses to the console.
if (!process.env.BAILEYS_LOG) {
  for (const level of ['info', 'warn', 'error']) console[level] = () => {};
}

const levels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'];

/** Complaints is a logger for Baileys that keeps warnings and errors. */
export class Complaints {
  constructor() {
    this.level = 'info';
    this.list = [];
    const shown = levels.indexOf(process.env.BAILEYS_LOG ?? 'none');
    for (const [rank, level] of levels.entries()) {
      this[level] = (about, message) => {
        if (shown >= 0 && rank >= shown) console.error(level, message ?? '', about);
        if (rank >= levels.indexOf('warn')) this.list.push(describe(about, message));
      };
    }
  }

  child() {
    return this;
  }

  /** but is the list without what is ordinary or matches one of the patterns. */
  but(...patterns) {
    return this.list.filter((line) => ![...ordinary, ...patterns].some((pattern) => pattern.test(line)));
  }
}

function describe(about, message) {
  if (typeof about === 'string') return about;
  const cause = about?.err ?? about?.error ?? about?.e ?? about?.trace ?? '';
  return [message, cause.message ?? cause].filter(Boolean).join(': ');
}
