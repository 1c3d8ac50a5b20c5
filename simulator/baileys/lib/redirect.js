// Media travel over HTTPS to a host that the server names. Here every such
// request goes to the simulator instead, which speaks plain HTTP: Baileys takes
// an agent for its uploads and an undici dispatcher for its downloads, so
// nothing of it is patched.

import https from 'node:https';
import net from 'node:net';

/** uploadAgent sends what https.request wants to send to the simulator. */
export function uploadAgent(base) {
  const { hostname, port } = new URL(base);
  return new (class extends https.Agent {
    createConnection() {
      return net.connect(Number(port), hostname);
    }
  })();
}

/** downloadDispatcher does the same for fetch, with Node's own undici. */
export function downloadDispatcher(base) {
  return {
    dispatch: (options, handler) => undici().dispatch({ ...options, origin: base }, handler),
  };
}

function undici() {
  void globalThis.fetch; // makes Node load it
  return globalThis[Symbol.for('undici.globalDispatcher.1')];
}
