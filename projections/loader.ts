/** Look-ups by id that arrive within one turn of the event loop become one query, because a query costs far more than a row. */

/** Ids in one query; more of them are taken by the next. */
const IDS_LIMIT = 5000;

/** What is found, by id; it may hold what others asked for in the same turn. What is not there is missing. */
export type Load<T> = (ids: readonly string[]) => Promise<ReadonlyMap<string, T>>;

interface Turn<T> {
  readonly ids: Set<string>;
  readonly found: Promise<ReadonlyMap<string, T>>;
}

export function createLoader<T>(query: (ids: readonly string[]) => Promise<ReadonlyMap<string, T>>): Load<T> {
  let current: Turn<T> | undefined;

  function begin(): Turn<T> {
    const ids = new Set<string>();
    /** After the sockets that are readable now have been read, so that all their requests are in. */
    const found = new Promise<void>((resolve) => setImmediate(resolve)).then(() => {
      if (current === turn) current = undefined;
      return query([...ids]);
    });
    const turn = { ids, found };
    return turn;
  }

  return (ids) => {
    if (current === undefined || current.ids.size >= IDS_LIMIT) current = begin();
    for (const id of ids) current.ids.add(id);
    return current.found;
  };
}
