/**
 * Which streams may go to an archive: those of sessions, servers and requests that are over for good, and of attempts of days past, when nothing has happened
 * to them for long enough and a signed checkpoint vouches for all of it. Everything else stays, whatever its age.
 */
import type { AnyStateMachine, SnapshotFrom } from 'xstate';
import { LOG_START, type Position, type RecordedFact, type Revision } from '../../domain/facts.ts';
import { createFolding, type Folding } from '../../domain/folding.ts';
import { type StreamName, streamId } from '../../domain/ids.ts';
import type { LogReader } from '../../domain/ports/event-log.ts';
import { requestMachine } from '../../domain/request/machine.ts';
import { serverMachine } from '../../domain/server/machine.ts';
import { sessionMachine } from '../../domain/session/machine.ts';
import { lift } from '../../domain/shapes.ts';
import { readCheckpoint } from '../evidence/checkpoint.ts';
import { lastCheckpoint } from '../evidence/last-checkpoint.ts';
import { linkOf } from '../evidence/links.ts';

/** A stream as it stands. */
export interface Chosen {
  readonly stream: StreamName;
  readonly revision: Revision;
  /** What the next fact of it would follow. */
  readonly hash: string;
  /** Of its first and its last fact. */
  readonly first: Position;
  readonly last: Position;
  /** Somewhere before its first fact, from where the log can be read. */
  readonly after: Position;
}

export interface ChoosingOptions {
  readonly log: LogReader;
  /** The same with its archives: what was moved before belongs to its stream. */
  readonly whole: LogReader;
  /** Nothing has happened to a stream since then: milliseconds since 1970 (UTC). */
  readonly before: number;
  readonly signal: AbortSignal;
  progress(position: Position, facts: number): void;
}

/** What was seen of a stream along the log. */
interface Seen extends Omit<Chosen, 'first'> {
  readonly time: number;
}

interface Overview {
  /** Of the kinds that may be archived, and not touched for long enough. */
  readonly streams: readonly Seen[];
  /** Sessions that a server holds a slot for. */
  readonly held: ReadonlySet<string>;
}

/** Up to this position checkpoints vouch for everything; its stream, whose last fact they name, stays. */
interface Sealed {
  readonly position: Position;
  readonly stream: StreamName;
}

/** Streams looked at together. */
const GROUP = 16;

/** In the order of their last facts. Throws with a sentence for the operator where nothing may be archived at all. */
export async function chooseStreams(options: ChoosingOptions): Promise<readonly Chosen[]> {
  const { whole, signal } = options;
  const sealed = await readSealed(whole);
  const { streams, held } = await overview(options);
  const candidates = streams.filter(
    ({ stream, last }) =>
      last <= sealed.position && stream !== sealed.stream && !(categoryOf(stream) === 'session' && held.has(streamId(stream))),
  );
  const chosen: Chosen[] = [];
  for (let next = 0; next < candidates.length; next += GROUP) {
    signal.throwIfAborted();
    const looks = candidates.slice(next, next + GROUP).map((seen) => look(seen, options));
    for (const found of await Promise.all(looks)) if (found !== undefined) chosen.push(found);
  }
  return chosen.toSorted((a, b) => a.last - b.last);
}

/** Undefined where it stays. */
async function look({ time: _, ...seen }: Seen, { log, whole, before }: ChoosingOptions): Promise<Chosen | undefined> {
  const { stream, revision } = seen;
  if ((await log.removal(stream))?.revision === revision) return undefined;
  const [first] = await whole.readStream(stream, 0, 1);
  // Its older facts are in an archive that cannot be used: it is not whole, and stays.
  if (first?.revision !== 0 || !(await isOver(whole, stream, before))) return undefined;
  return { ...seen, first: first.position };
}

async function readSealed(log: LogReader): Promise<Sealed> {
  const fact = await lastCheckpoint(log);
  const checkpoint = fact && readCheckpoint(fact);
  if (checkpoint === undefined) {
    throw new Error(
      'The log holds no signed checkpoint, and only what one vouches for is archived. A broker that runs on it signs one every minute.',
    );
  }
  const { stream, revision } = checkpoint.last;
  const [last] = await log.readStream(stream, revision, 1);
  if (last === undefined)
    throw new Error(`The fact that the last checkpoint ends with (${stream} at revision ${revision}) is not in the log.`);
  return { position: last.position, stream };
}

/** Facts of one look at the log. */
const PAGE = 1000;

async function overview({ log, before, signal, progress }: ChoosingOptions): Promise<Overview> {
  const streams = new Map<StreamName, Seen>();
  const slots = createSlots();
  const head = await log.head();
  let facts = 0;
  for (let cursor: Position = LOG_START; cursor < head; ) {
    signal.throwIfAborted();
    const page = await log.readAll(cursor, PAGE);
    for (const fact of page) {
      slots.hear(fact);
      if (categoryOf(fact.stream) in KINDS) streams.set(fact.stream, seenIn(fact, streams.get(fact.stream), cursor));
      cursor = fact.position;
    }
    if (page.length === 0) break;
    facts += page.length;
    progress(cursor, facts);
  }
  return { streams: [...streams.values()].filter(({ time }) => time < before), held: slots.held() };
}

function seenIn(fact: RecordedFact, known: Seen | undefined, before: Position): Seen {
  const { stream, revision, position, time } = fact;
  const after = known?.after ?? (revision === 0 ? before : LOG_START);
  return { stream, revision, hash: linkOf(fact), after, last: position, time };
}

/** The slots of all servers. A removed server has none. */
function createSlots() {
  const byServer = new Map<StreamName, Set<string>>();
  return {
    hear({ stream, type, data }: RecordedFact): void {
      if (type === 'server.removed') byServer.delete(stream);
      if (type !== 'server.slot-reserved' && type !== 'server.slot-released') return;
      const { sessionId } = data as { readonly sessionId: string };
      const sessions = byServer.get(stream) ?? new Set<string>();
      if (type === 'server.slot-reserved') sessions.add(sessionId);
      else sessions.delete(sessionId);
      byServer.set(stream, sessions);
    },
    held: (): ReadonlySet<string> => new Set([...byServer.values()].flatMap((sessions) => [...sessions])),
  };
}

const categoryOf = (stream: StreamName): string => stream.slice(0, stream.indexOf('-'));

/** Whether a stream is over, by its machine; `before`: long enough ago. */
type Judge = (log: LogReader, stream: StreamName, before: number) => Promise<boolean>;

function judgedBy<M extends AnyStateMachine>(machine: M, isOver: (snapshot: SnapshotFrom<M>, before: number) => boolean): Judge {
  const folding = createFolding(machine);
  return async (log, stream, before) => isOver(await stateOf(log, stream, folding), before);
}

const KINDS: Readonly<Record<string, Judge>> = {
  session: judgedBy(sessionMachine, ({ value }) => value === 'deleted' || value === 'refused'),
  // One that was closed comes back closed: that stands as long as it may come back.
  server: judgedBy(serverMachine, ({ value, context }) => value === 'removed' && context.open),
  request: judgedBy(requestMachine, ({ context }, before) => context.expires < before),
  // Each day has a stream of its own.
  attempts: async () => true,
};

const isOver: Judge = async (log, stream, before) => (await KINDS[categoryOf(stream)]?.(log, stream, before)) === true;

async function stateOf<M extends AnyStateMachine>(log: LogReader, stream: StreamName, folding: Folding<M>): Promise<SnapshotFrom<M>> {
  let snapshot = folding.initial;
  for (let revision = 0; ; ) {
    const facts = await log.readStream(stream, revision, PAGE);
    for (const fact of facts) snapshot = folding.next(snapshot, lift(fact), `${stream} at revision ${fact.revision}`);
    revision += facts.length;
    if (facts.length < PAGE) return snapshot;
  }
}
