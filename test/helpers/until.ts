/** Waiting in tests for what another part of the program does in its own time. */

/** Resolves with what `look` gives as soon as it gives something; rejects after `timeoutMs`, saying what was waited for. */
export async function until<T>(what: string, look: () => T | undefined | false, timeoutMs = 30_000): Promise<T> {
  const end = Date.now() + timeoutMs;
  for (;;) {
    const found = look();
    if (found !== undefined && found !== false) return found;
    if (Date.now() > end) throw new Error(`Waited ${timeoutMs} ms in vain: ${what}`);
    await pause(10);
  }
}

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
