/**
 * How those who wait stand in line: each behind those of its kind, kinds in groups, groups in sections. Whoever looks for somebody to serve walks
 * past one of each group, chooses the groups that are in question, and finds there who has waited longest; heaps of heaps know that at once.
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

/** As a member of a heap it is in that of the groups that were chosen. */
interface Group<W> extends Member {
  /** All groups of its section, by name. */
  readonly section: Map<string, Group<W>>;
  /** A heap of the lines in which somebody is to be served. */
  readonly lines: Line<W>[];
  /** Lines in all. */
  size: number;
  isChosen: boolean;
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
  /** Of each group in these sections in which somebody is to be served: who has waited longest. Who comes and goes meanwhile does no harm. */
  heads(sections: readonly string[]): Iterator<W, undefined>;
  choose(group: string): void;
  /** Who has waited longest in the groups that were chosen. */
  first(): W | undefined;
  /** Nobody of this kind is to be served for now. */
  passOver(kind: string): void;
  /** No group is chosen any more. */
  chooseNone(): void;
  /** Lets one kind that was passed over count again; false: there is none. */
  countAgain(): boolean;
}

export function createLines<W extends Waiting>(): Lines<W> {
  const lines = new Map<string, Line<W>>();
  const groups = new Map<string, Group<W>>();
  const sections = new Map<string, Map<string, Group<W>>>();
  const passedOver: Line<W>[] = [];
  const choice = createChoice<W>();

  function groupOf({ group: name, section: place }: W): Group<W> {
    return getOrAdd(groups, name, () => {
      const section = getOrAdd(sections, place, () => new Map<string, Group<W>>());
      const group = { section, lines: [], size: 0, isChosen: false, place: -1 };
      section.set(name, group);
      return group;
    });
  }

  /** Puts it where it belongs, now that somebody came or went, or that it counts or does not. */
  function rank(line: Line<W>): void {
    const { group, entries, isPassedOver } = line;
    if (entries.length > 0 && !isPassedOver) settle(group.lines, line, isLineOlder);
    else takeOut(group.lines, line, isLineOlder);
    choice.rank(group);
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
      const { group } = line;
      line.size -= 1;
      if (line.size > 0) return;
      lines.delete(waiting.kind);
      group.size -= 1;
      if (group.size > 0) return;
      groups.delete(waiting.group);
      group.section.delete(waiting.group);
      if (group.section.size === 0) sections.delete(waiting.section);
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
    *heads(names) {
      for (const name of names) {
        for (const group of sections.get(name)?.values() ?? []) if (group.lines.length > 0) yield headOf(group).waiting;
      }
      return undefined;
    },
    choose(name) {
      const group = groups.get(name);
      if (group !== undefined) choice.add(group);
    },
    first: choice.first,
    chooseNone: choice.clear,
    passOver(kind) {
      const line = lines.get(kind);
      if (line === undefined || line.isPassedOver) return;
      line.isPassedOver = true;
      passedOver.push(line);
      rank(line);
    },
    countAgain() {
      const line = passedOver.pop();
      if (line === undefined) return false;
      line.isPassedOver = false;
      rank(line);
      return true;
    },
  };
}

/** The groups that were chosen, and who has waited longest in them. */
function createChoice<W extends Waiting>() {
  const all: Group<W>[] = [];
  /** Those in which somebody is to be served. */
  const heap: Group<W>[] = [];

  function rank(group: Group<W>): void {
    if (group.isChosen && group.lines.length > 0) settle(heap, group, isGroupOlder);
    else takeOut(heap, group, isGroupOlder);
  }

  return {
    rank,
    add(group: Group<W>): void {
      if (group.isChosen) return;
      group.isChosen = true;
      all.push(group);
      rank(group);
    },
    first: (): W | undefined => heap[0] && headOf(heap[0]).waiting,
    clear(): void {
      for (const group of all.splice(0)) group.isChosen = false;
      for (const group of heap.splice(0)) group.place = -1;
    },
  };
}

/** Who came at the same time is served in the order of coming. */
export function isOlder<W extends Waiting>(a: Entry<W>, b: Entry<W>): boolean {
  return a.waiting.deadline < b.waiting.deadline || (a.waiting.deadline === b.waiting.deadline && a.order < b.order);
}

const isLineOlder = <W extends Waiting>(a: Line<W>, b: Line<W>): boolean => isOlder(a.entries[0] as Entry<W>, b.entries[0] as Entry<W>);
const isGroupOlder = <W extends Waiting>(a: Group<W>, b: Group<W>): boolean => isOlder(headOf(a), headOf(b));

/** Of a group in which somebody is to be served: what is in a heap here holds somebody. */
function headOf<W extends Waiting>({ lines: [first] }: Group<W>): Entry<W> {
  return (first as Line<W>).entries[0] as Entry<W>;
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
