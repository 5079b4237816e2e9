/** The known name that a mistyped one was most likely meant to be. */

/** Undefined when none is near: more than `most` letters would have to change, a third of them unless said otherwise. */
export function nearest(name: string, known: readonly string[], most = Math.max(2, Math.ceil(name.length / 3))): string | undefined {
  const [best] = known.map((candidate) => ({ candidate, distance: distance(name, candidate) })).sort((a, b) => a.distance - b.distance);
  return best !== undefined && best.distance <= most ? best.candidate : undefined;
}

/** Letters to insert, delete or replace (Levenshtein). */
function distance(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, index) => index);
  for (const [line, letter] of [...one].entries()) {
    const next = [line + 1];
    for (const [column, above] of row.slice(1).entries()) {
      const replaced = Number(row[column]) + (other[column] === letter ? 0 : 1);
      next.push(Math.min(replaced, above + 1, Number(next[column]) + 1));
    }
    row = next;
  }
  return Number(row.at(-1));
}
