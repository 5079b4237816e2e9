/**
 * How the state of an actor comes out of its stream: from the beginning, or from a state that was true further back. States of long streams are
 * kept now and then, behind the log and never ahead of it.
 */
import type { AnyStateMachine, SnapshotFrom } from 'xstate';
import { LOG_START, NO_STREAM, type Position, type RecordedFact, type Revision } from './facts.ts';
import type { Folding } from './folding.ts';
import type { FactId, StreamName } from './ids.ts';
import type { EventLog } from './ports/event-log.ts';
import type { Snapshots } from './ports/snapshots.ts';

/** An actor in memory: its state, and how far its stream has been folded into it. */
export interface Live<M extends AnyStateMachine> {
  readonly snapshot: SnapshotFrom<M>;
  readonly revision: Revision;
  readonly position: Position;
  /** The revision up to which its state was kept last; NO_STREAM where it never was. */
  readonly kept: Revision;
}

/** What it takes to read a stream and to fold it. */
export interface Rehydrating<M extends AnyStateMachine> {
  readonly folding: Folding<M>;
  readonly ports: { readonly log: EventLog; readonly snapshots?: Snapshots | undefined };
}

const PAGE = 500;
/** Facts between two states that are kept: reading so many takes some 20 ms. */
const KEEP_EVERY = 1000;

/** An actor without a fact. */
export const unborn = <M extends AnyStateMachine>({ initial }: Folding<M>): Live<M> => ({
  snapshot: initial,
  revision: NO_STREAM,
  position: LOG_START,
  kept: NO_STREAM,
});

/** Most streams end on their first page, so only then is it asked whether a state was kept. */
export async function rehydrate<M extends AnyStateMachine>(stream: StreamName, parts: Rehydrating<M>): Promise<Live<M>> {
  const begun = await readPage(unborn(parts.folding), stream, parts);
  if (begun.isAll) return begun.live.revision === NO_STREAM ? lateBorn(begun.live, stream, parts) : begun.live;
  return readOn((await restore(stream, parts)) ?? begun.live, stream, parts);
}

/** All that happened to it was taken out of the log and cannot be read: it begins anew, behind that. */
async function lateBorn<M extends AnyStateMachine>(live: Live<M>, stream: StreamName, { ports }: Rehydrating<M>): Promise<Live<M>> {
  const removal = await ports.log.removal(stream);
  return removal === undefined ? live : { ...live, revision: removal.revision };
}

/** To the end of the stream. */
export async function readOn<M extends AnyStateMachine>(from: Live<M>, stream: StreamName, parts: Rehydrating<M>): Promise<Live<M>> {
  let live = from;
  for (let isAll = false; !isAll; ) ({ live, isAll } = await readPage(live, stream, parts));
  return live;
}

/** By one fact. Throws where it cannot follow. */
export function moveOn<M extends AnyStateMachine>(folding: Folding<M>, { snapshot, kept }: Live<M>, fact: RecordedFact): Live<M> {
  const { stream, revision, position } = fact;
  return { snapshot: folding.next(snapshot, fact, `${stream} at revision ${revision}`), revision, position, kept };
}

/** Keeps a state where many facts lie between it and the one before. `last` is the fact that led to it, and it is in the log. */
export function keep<M extends AnyStateMachine>(
  live: Live<M>,
  stream: StreamName,
  last: { readonly id: FactId } | undefined,
  { folding, ports }: Rehydrating<M>,
): Live<M> {
  const { snapshot, revision, position } = live;
  if (ports.snapshots === undefined || last === undefined || revision - live.kept < KEEP_EVERY) return live;
  ports.snapshots.keep(stream, { revision, position, factId: last.id, state: folding.stateOf(snapshot) });
  return { ...live, kept: revision };
}

async function readPage<M extends AnyStateMachine>(from: Live<M>, stream: StreamName, parts: Rehydrating<M>) {
  const facts = await parts.ports.log.readStream(stream, from.revision + 1, PAGE);
  let live = from;
  for (const fact of facts) live = moveOn(parts.folding, live, fact);
  return { live: keep(live, stream, facts.at(-1), parts), isAll: facts.length < PAGE };
}

/** One that is ahead of the log, or of another log, is no state of this actor: its last fact is not there. */
async function restore<M extends AnyStateMachine>(stream: StreamName, { folding, ports }: Rehydrating<M>): Promise<Live<M> | undefined> {
  const kept = await ports.snapshots?.find(stream);
  if (kept === undefined) return undefined;
  const { revision, position } = kept;
  const [fact] = await ports.log.readStream(stream, revision, 1);
  if (fact?.id !== kept.factId || fact.position !== position) return undefined;
  return { snapshot: folding.snapshotOf(kept.state), revision, position, kept: revision };
}
