// Waiting, always with an end.

import { setTimeout as wait } from 'node:timers/promises';

/** patience bounds every wait of the tests, in milliseconds. */
export const patience = 20_000;

/**
 * until asks probe again and again until it returns something, and returns
 * that. It is for what nobody announces: the control API has no events.
 */
export async function until(probe, what) {
  const end = Date.now() + patience;
  for (;;) {
    const found = await probe();
    if (found !== undefined) return found;
    if (Date.now() > end) throw new Error(`waited in vain for ${what}`);
    await wait(10);
  }
}

/** within fails when the promise takes longer than patience. */
export async function within(promise, what) {
  const timer = new AbortController();
  const late = wait(patience, undefined, { signal: timer.signal }).then(() => {
    throw new Error(`waited in vain for ${what}`);
  });
  late.catch(() => {}); // it is aborted, or the race has thrown it
  try {
    return await Promise.race([promise, late]);
  } finally {
    timer.abort();
  }
}
