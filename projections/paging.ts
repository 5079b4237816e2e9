/** Pages by position: where the next one starts is where this one ended, whatever happens in between. */
import type { Page } from './views.ts';

interface Positioned {
  readonly position: number;
}

/** `rows` in order, one more than `limit` if there are more. `next` is the position of the last row of the page. */
export function pageOf<Row extends Positioned, Item>(rows: readonly Row[], limit: number, itemOf: (row: Row) => Item): Page<Item> {
  const items = rows.slice(0, limit).map(itemOf);
  return rows.length > limit ? { items, next: rows[limit - 1]?.position } : { items };
}

/** All pages in turn, each read when it is asked for. `read` gives the rows behind a position, none at the end. */
export async function* pagesOf<Row extends Positioned>(
  read: (after: number) => Promise<readonly Row[]>,
): AsyncGenerator<readonly Row[], void, undefined> {
  let after = 0;
  for (;;) {
    const rows = await read(after);
    if (rows.length === 0) return;
    yield rows;
    for (const { position } of rows) after = position;
  }
}
