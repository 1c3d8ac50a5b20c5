// What one Baileys client keeps, in memory: its credentials and Signal keys.

import { initAuthCreds } from '@whiskeysockets/baileys';

/** newStore is the store of a client that is not linked yet. */
export function newStore() {
  const tables = new Map();
  const table = (type) => {
    if (!tables.has(type)) tables.set(type, new Map());
    return tables.get(type);
  };
  return {
    creds: initAuthCreds(),
    keys: {
      get(type, ids) {
        const found = ids.filter((id) => table(type).has(id));
        return Object.fromEntries(found.map((id) => [id, table(type).get(id)]));
      },
      set(data) {
        for (const [type, rows] of Object.entries(data)) {
          for (const [id, value] of Object.entries(rows)) {
            if (value) table(type).set(id, value);
            else table(type).delete(id);
          }
        }
      },
      clear: () => tables.clear(),
    },
    /** count is how many rows there are of a type. */
    count: (type) => table(type).size,
  };
}
