/**
 * A binary heap in an array: its first member is the one that comes first. Members know their own places, so that one in the middle can be
 * moved or taken out in logarithmic time.
 */

export interface Member {
  /** Where it stands in its heap; -1: in none. Only the functions here change it. A member is in one heap at a time. */
  place: number;
}

export type IsBefore<T> = (a: T, b: T) => boolean;

/** Puts it in, or to where it belongs now that its rank has changed. */
export function settle<T extends Member>(heap: T[], member: T, isBefore: IsBefore<T>): void {
  if (member.place === -1) put(heap, heap.length, member);
  sink(heap, rise(heap, member, isBefore), isBefore);
}

/** Without effect where it is in no heap. */
export function takeOut<T extends Member>(heap: T[], member: T, isBefore: IsBefore<T>): void {
  const { place } = member;
  if (place === -1) return;
  member.place = -1;
  const last = heap.pop() as T;
  if (last === member) return;
  put(heap, place, last);
  settle(heap, last, isBefore);
}

function put<T extends Member>(heap: T[], place: number, member: T): void {
  heap[place] = member;
  member.place = place;
}

function rise<T extends Member>(heap: T[], member: T, isBefore: IsBefore<T>): T {
  while (member.place > 0) {
    const above = heap[(member.place - 1) >> 1] as T;
    if (!isBefore(member, above)) return member;
    swap(heap, member, above);
  }
  return member;
}

function sink<T extends Member>(heap: T[], member: T, isBefore: IsBefore<T>): void {
  for (;;) {
    const left = heap[2 * member.place + 1];
    const right = heap[2 * member.place + 2];
    const below = left !== undefined && right !== undefined && isBefore(right, left) ? right : left;
    if (below === undefined || !isBefore(below, member)) return;
    swap(heap, member, below);
  }
}

function swap<T extends Member>(heap: T[], a: T, b: T): void {
  const { place } = a;
  put(heap, b.place, a);
  put(heap, place, b);
}
