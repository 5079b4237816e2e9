/**
 * What the stand-in for EventStoreDB stores, and how it judges appends. The rules are those measured on the real server (24.6): an explicit
 * expected revision is checked by ids when it lies in the past and not at all when it is the current one; `any` goes by a cache that a restart loses.
 */
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';

export interface ProposedEvent {
  readonly id: string;
  readonly type: string;
  readonly contentType: string;
  readonly data: Buffer;
  readonly metadata: Buffer;
}

export interface StoredEvent extends ProposedEvent {
  readonly stream: string;
  readonly revision: number;
  /** Offset in the log, in bytes: commit and prepare position alike. */
  readonly position: number;
  /** 100 ns since 1970. */
  readonly created: bigint;
}

export const EXPECT_NO_STREAM = -1;
/** A revision, or what is expected instead of one. */
export type Expected = number | 'any' | 'stream_exists';

export type Judgement =
  | { readonly outcome: 'appended'; readonly revision: number; readonly position: number }
  | { readonly outcome: 'wrong-expected-version'; readonly actual: number }
  | { readonly outcome: 'deleted' }
  /** A repetition of what is not committed yet: the real server drops it, and the caller gets a timeout. */
  | { readonly outcome: 'not-ready' }
  /** The real server fails inside and never answers. */
  | { readonly outcome: 'lost' };

export interface Store {
  append(stream: string, expected: Expected, events: readonly ProposedEvent[]): Judgement;
  /** False: nothing to delete. */
  remove(stream: string, forEver: boolean): boolean;
  /** What somebody does who can write to the server's files: each event of a stream becomes another, or none. */
  tamper(stream: string, change: (event: StoredEvent) => StoredEvent | undefined): void;
  /** The events that readers may see; undefined: no such stream. */
  stream(name: string): readonly StoredEvent[] | 'deleted' | undefined;
  /** All that readers may see, in log order. */
  all(): readonly StoredEvent[];
  /** Makes everything that was appended visible. */
  commit(): void;
  /** What a restart forgets: the cache that `any` goes by. What was not committed by then is, since it is on disk. */
  forget(): void;
  readonly groups: Set<string>;
  addGroup(group: string): void;
}

type Line =
  | { readonly stream: string; readonly events: readonly (Omit<StoredEvent, 'data' | 'metadata' | 'created'> & StoredTexts)[] }
  | { readonly group: string }
  | { readonly removed: string; readonly forEver: boolean };
interface StoredTexts {
  readonly data: string;
  readonly metadata: string;
  readonly created: string;
}

const TICKS_PER_MS = 10_000n;
/** What a record takes beside its texts. */
const RECORD_BYTES = 72;

const FIRST_EVENT = {
  stream: '$settings',
  revision: 0,
  id: '00000000-0000-4000-8000-000000000000',
  type: 'update',
  contentType: 'application/json',
  data: Buffer.from('{}'),
  metadata: Buffer.alloc(0),
  created: 0n,
};

/** With a file the data outlives the process: each append is a line that is written before the answer. */
export function createStore(file?: string): Store {
  const events: StoredEvent[] = [];
  const streams = new Map<string, StoredEvent[]>();
  const tombstones = new Set<string>();
  /** Soft-deleted streams, and how many of their events are hidden. */
  const hidden = new Map<string, number>();
  /** Of streams whose metadata hides events: the first revision that is shown. */
  const truncated = new Map<string, number>();
  const groups = new Set<string>();
  /** The cache that `any` goes by. */
  const recentIds = new Map<string, { readonly stream: string; readonly revision: number }>();
  let end = 0;
  let committed = 0;

  function keep(line: Line): void {
    if (file !== undefined) appendFileSync(file, `${JSON.stringify(line)}\n`);
  }

  function put(event: StoredEvent): void {
    events.push(event);
    const stream = streams.get(event.stream) ?? [];
    stream.push(event);
    streams.set(event.stream, stream);
    end = event.position + sizeOf(event);
    if (event.stream.startsWith('$$')) readMetadata(event);
  }

  function readMetadata({ stream, data }: StoredEvent): void {
    const { $tb } = JSON.parse(data.toString()) as { readonly $tb?: number };
    if ($tb !== undefined) truncated.set(stream.slice(2), $tb);
  }

  function load(line: Line): void {
    if ('group' in line) groups.add(line.group);
    else if ('removed' in line) hide(line.removed, line.forEver);
    else {
      for (const event of line.events) {
        const { data, metadata, created } = event;
        put({ ...event, data: Buffer.from(data, 'base64'), metadata: Buffer.from(metadata, 'base64'), created: BigInt(created) });
      }
    }
  }

  function hide(stream: string, forEver: boolean): void {
    if (forEver) tombstones.add(stream);
    else hidden.set(stream, streams.get(stream)?.length ?? 0);
  }

  /** Which of the events are in the stream already, from behind the expected revision on. */
  function repeated(stream: readonly StoredEvent[], expected: number, proposed: readonly ProposedEvent[]): Judgement | undefined {
    const same = proposed.every(({ id }, index) => stream[expected + 1 + index]?.id === id);
    const last = stream[expected + proposed.length];
    if (!same || last === undefined) return undefined;
    return last.position < visibleEnd()
      ? { outcome: 'appended', revision: last.revision, position: last.position }
      : { outcome: 'not-ready' };
  }

  function visibleEnd(): number {
    return events[committed]?.position ?? end;
  }

  /** Undefined: to be written. */
  function judge(name: string, expected: Expected, proposed: readonly ProposedEvent[]): Judgement | undefined {
    const stream = streams.get(name) ?? [];
    const actual = stream.length - 1;
    const isHidden = hidden.get(name) === stream.length;
    if (tombstones.has(name) || (expected === 'stream_exists' && isHidden)) return { outcome: 'deleted' };
    if (expected === 'stream_exists' && actual < 0) return { outcome: 'wrong-expected-version', actual };
    if (typeof expected === 'string') return judgeById(name, actual, proposed);
    return expected === EXPECT_NO_STREAM && isHidden ? undefined : judgeByRevision(stream, expected, proposed);
  }

  function judgeByRevision(stream: readonly StoredEvent[], expected: number, proposed: readonly ProposedEvent[]): Judgement | undefined {
    const actual = stream.length - 1;
    if (expected === actual) return undefined;
    return (expected < actual ? repeated(stream, expected, proposed) : undefined) ?? { outcome: 'wrong-expected-version', actual };
  }

  function judgeById(name: string, actual: number, proposed: readonly ProposedEvent[]): Judgement | undefined {
    const revisions = proposed.map(({ id }) => {
      const known = recentIds.get(id);
      return known?.stream === name ? known.revision : undefined;
    });
    const [first] = revisions;
    if (first === undefined) return undefined;
    if (revisions.includes(undefined)) return { outcome: 'wrong-expected-version', actual };
    if (revisions.some((revision, index) => revision !== first + index)) return { outcome: 'lost' };
    return repeated(streams.get(name) ?? [], first - 1, proposed);
  }

  if (file !== undefined && existsSync(file)) {
    const lines = readFileSync(file, 'utf8').split('\n');
    // What stands behind the last end of line was cut short when the process was killed, and nobody was told of it.
    const whole = lines.slice(0, -1);
    for (const line of whole) load(JSON.parse(line) as Line);
    if (lines.at(-1) !== '') writeFileSync(file, whole.map((line) => `${line}\n`).join(''));
  }
  // The real server begins its log with events of its own.
  if (events.length === 0) put({ ...FIRST_EVENT, position: 0 });
  committed = events.length;

  return {
    append(stream, expected, proposed) {
      const judgement = judge(stream, expected, proposed);
      if (judgement !== undefined) return judgement;
      const created = BigInt(Date.now()) * TICKS_PER_MS;
      const first = streams.get(stream)?.length ?? 0;
      let position = end;
      const stored = proposed.map((event, index): StoredEvent => {
        const placed = { ...event, stream, revision: first + index, position, created };
        position += sizeOf(placed);
        return placed;
      });
      keep({ stream, events: stored.map(texts) });
      for (const event of stored) {
        put(event);
        recentIds.set(event.id, event);
      }
      const last = stored.at(-1) as StoredEvent;
      return { outcome: 'appended', revision: last.revision, position: last.position };
    },
    remove(stream, forEver) {
      if (!streams.has(stream) || tombstones.has(stream)) return false;
      hide(stream, forEver);
      keep({ removed: stream, forEver });
      return true;
    },
    tamper(name, change) {
      const changed = new Map((streams.get(name) ?? []).map((event) => [event, change(event)]));
      const kept = (list: readonly StoredEvent[]) => list.flatMap((event) => (changed.has(event) ? (changed.get(event) ?? []) : event));
      streams.set(name, kept(streams.get(name) ?? []));
      events.splice(0, events.length, ...kept(events));
      committed = events.length;
    },
    stream(name) {
      if (tombstones.has(name)) return 'deleted';
      const stream = streams.get(name)?.filter(({ position }) => position < visibleEnd());
      const shown = stream?.slice(Math.max(hidden.get(name) ?? 0, truncated.get(name) ?? 0));
      return shown?.length || truncated.has(name) ? shown : undefined;
    },
    all: () => (committed === events.length ? events : events.slice(0, committed)),
    commit() {
      committed = events.length;
    },
    forget() {
      recentIds.clear();
      committed = events.length;
    },
    groups,
    addGroup(group) {
      groups.add(group);
      keep({ group });
    },
  };
}

function sizeOf({ stream, type, data, metadata }: StoredEvent): number {
  return RECORD_BYTES + stream.length + type.length + data.length + metadata.length;
}

function texts(event: StoredEvent) {
  const { data, metadata, created } = event;
  return { ...event, data: data.toString('base64'), metadata: metadata.toString('base64'), created: created.toString() };
}
