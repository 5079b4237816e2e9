/** What a caller sent, as it is sent back: null counts as absent, so it is left out. */

/** Of one item of a batch, whose fields hold nothing nested that could be null. */
export function withoutNulls(item: object): object {
  return Object.fromEntries(Object.entries(item).filter(([, value]) => value !== null));
}
