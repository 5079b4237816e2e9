/**
 * How those who wait stand in line: each behind those of its kind, kinds in groups, groups in sections. Heaps of heaps, so that whoever has
 * waited longest is known at once, and a kind or a group that cannot be served is stepped past as a whole.
 */
import type { SessionId } from '../ids.ts';
import type { Member } from './heap.ts';
import { settle, takeOut } from './heap.ts';

/** A request in the queue. */
export interface Waiting {
  readonly sessionId: SessionId;
  /** A part of the queue that can be looked at by itself. */
  readonly section: string;
  /** What makes a server take it or not, but for whose it is. All of a group are in the same section. */
  readonly group: string;
  /** Any server treats those of one kind alike, so they are served in order. All of a kind are in the same group. */
  readonly kind: string;
  /** When it is given up: milliseconds since 1970 (UTC). Whoever is given up earlier has waited longer. */
  readonly deadline: number;
}

/** As a member of a heap it is in that of the deadlines, which is not kept here. */
export interface Entry<W> extends Member {
  readonly waiting: W;
  /** When it came, as a number that grows. */
  readonly order: number;
  readonly line: Line<W>;
  isTaken: boolean;
}

/** All of one kind. */
export interface Line<W> extends Member {
  readonly group: Group<W>;
  /** Who is to be served, in order. */
  readonly entries: Entry<W>[];
  /** Who belongs to it, whether to be served or not. */
  size: number;
  isPassedOver: boolean;
}

interface Group<W> extends Member {
  readonly section: Section<W>;
  /** A heap of the lines in which somebody is to be served. */
  readonly lines: Line<W>[];
  /** Lines in all. */
  size: number;
  isPassedOver: boolean;
}

interface Section<W> {
  /** A heap of the groups in which somebody is to be served. */
  readonly groups: Group<W>[];
  /** Groups in all. */
  size: number;
}

export interface Lines<W extends Waiting> {
  has(kind: string): boolean;
  /** Its line, which it belongs to from now on. */
  join(waiting: W): Line<W>;
  /** It does not belong to its line any more. Call `leave` first if it is to be served. */
  quit(entry: Entry<W>): void;
  /** It is to be served. */
  enter(entry: Entry<W>): void;
  /** It is not, though it still belongs there. */
  leave(entry: Entry<W>): void;
  /** Who has waited longest in these sections and is not passed over. */
  first(sections: readonly string[]): W | undefined;
  passOver(kind: string): void;
  passOverGroup(group: string): void;
  /** Lets one kind or group that was passed over count again; false: there is none. */
  countAgain(): boolean;
}

export function createLines<W extends Waiting>(): Lines<W> {
  const lines = new Map<string, Line<W>>();
  const groups = new Map<string, Group<W>>();
  const sections = new Map<string, Section<W>>();
  const passedOver: (Line<W> | Group<W>)[] = [];

  function groupOf(waiting: W): Group<W> {
    return getOrAdd(groups, waiting.group, () => {
      const section = getOrAdd(sections, waiting.section, () => ({ groups: [], size: 0 }));
      section.size += 1;
      return { section, lines: [], size: 0, isPassedOver: false, place: -1 };
    });
  }

  function passOver(one: Line<W> | Group<W> | undefined): void {
    if (one === undefined || one.isPassedOver) return;
    one.isPassedOver = true;
    passedOver.push(one);
    rank(one);
  }

  return {
    has: (kind) => lines.has(kind),
    join(waiting) {
      const line = getOrAdd(lines, waiting.kind, () => {
        const group = groupOf(waiting);
        group.size += 1;
        return { group, entries: [], size: 0, isPassedOver: false, place: -1 };
      });
      line.size += 1;
      return line;
    },
    quit({ waiting, line }) {
      line.size -= 1;
      if (line.size > 0) return;
      lines.delete(waiting.kind);
      line.group.size -= 1;
      if (line.group.size > 0) return;
      groups.delete(waiting.group);
      line.group.section.size -= 1;
      if (line.group.section.size === 0) sections.delete(waiting.section);
    },
    enter(entry) {
      const { entries } = entry.line;
      entries.splice(placeOf(entry, entries), 0, entry);
      rank(entry.line);
    },
    leave(entry) {
      const { entries } = entry.line;
      entries.splice(placeOf(entry, entries), 1);
      rank(entry.line);
    },
    first(names) {
      const heads = names.flatMap((name) => sections.get(name)?.groups[0] ?? []).map(headOf);
      return heads.sort((a, b) => (isOlder(a, b) ? -1 : 1))[0]?.waiting;
    },
    passOver: (kind) => passOver(lines.get(kind)),
    passOverGroup: (group) => passOver(groups.get(group)),
    countAgain() {
      const one = passedOver.pop();
      if (one === undefined) return false;
      one.isPassedOver = false;
      rank(one);
      return true;
    },
  };
}

/** Who came at the same time is served in the order of coming. */
export function isOlder<W extends Waiting>(a: Entry<W>, b: Entry<W>): boolean {
  return a.waiting.deadline < b.waiting.deadline || (a.waiting.deadline === b.waiting.deadline && a.order < b.order);
}

/** Puts it where it belongs among its likes, now that somebody came or went, or that it counts or does not. */
function rank<W extends Waiting>(one: Line<W> | Group<W>): void {
  if ('lines' in one) {
    place(one.section.groups, one, one.lines.length > 0);
  } else {
    place(one.group.lines, one, one.entries.length > 0);
    rank(one.group);
  }
}

function place<T extends Line<Waiting> | Group<Waiting>>(heap: T[], one: T, hasAny: boolean): void {
  if (hasAny && !one.isPassedOver) settle(heap, one, comesBefore);
  else takeOut(heap, one, comesBefore);
}

function comesBefore(a: Line<Waiting> | Group<Waiting>, b: Line<Waiting> | Group<Waiting>): boolean {
  return isOlder(headOf(a), headOf(b));
}

/** Only what has somebody to be served is in a heap. */
function headOf<W>(one: Line<W> | Group<W>): Entry<W> {
  return 'lines' in one ? headOf(one.lines[0] as Line<W>) : (one.entries[0] as Entry<W>);
}

/** Where it stands in a line, or would. Most come last and leave first. */
function placeOf<W extends Waiting>(entry: Entry<W>, entries: readonly Entry<W>[]): number {
  let low = 0;
  let high = entries.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (isOlder(entries[middle] as Entry<W>, entry)) low = middle + 1;
    else high = middle;
  }
  return low;
}

function getOrAdd<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  const known = map.get(key);
  if (known !== undefined) return known;
  const made = make();
  map.set(key, made);
  return made;
}
