/** Maps that do not grow for ever. */

/** Sets and gives back the value; beyond `limit` entries, those that were set first go. */
export function keep<K, V>(map: Map<K, V>, key: K, value: V, limit: number): V {
  map.set(key, value);
  for (const oldest of map.keys()) {
    if (map.size <= limit) break;
    map.delete(oldest);
  }
  return value;
}
