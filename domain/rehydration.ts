/** How the state of an actor comes out of its stream: from the beginning, or from a state that was true further back. */
import type { AnyStateMachine, SnapshotFrom } from 'xstate';
import { LOG_START, NO_STREAM, type Position, type RecordedFact, type Revision } from './facts.ts';
import type { Folding } from './folding.ts';
import type { StreamName } from './ids.ts';
import type { EventLog } from './ports/event-log.ts';

/** An actor in memory: its state, and how far its stream has been folded into it. */
export interface Live<M extends AnyStateMachine> {
  readonly snapshot: SnapshotFrom<M>;
  readonly revision: Revision;
  readonly position: Position;
}

/** What it takes to read a stream and to fold it. */
export interface Rehydrating<M extends AnyStateMachine> {
  readonly folding: Folding<M>;
  readonly ports: { readonly log: EventLog };
}

const PAGE = 500;

/** An actor without a fact. */
export const unborn = <M extends AnyStateMachine>({ initial }: Folding<M>): Live<M> => ({
  snapshot: initial,
  revision: NO_STREAM,
  position: LOG_START,
});

export function rehydrate<M extends AnyStateMachine>(stream: StreamName, parts: Rehydrating<M>): Promise<Live<M>> {
  return readOn(unborn(parts.folding), stream, parts);
}

/** To the end of the stream. */
export async function readOn<M extends AnyStateMachine>(
  from: Live<M>,
  stream: StreamName,
  { folding, ports }: Rehydrating<M>,
): Promise<Live<M>> {
  let live = from;
  for (;;) {
    const facts = await ports.log.readStream(stream, live.revision + 1, PAGE);
    for (const fact of facts) live = moveOn(folding, live, fact);
    if (facts.length < PAGE) return live;
  }
}

/** By one fact. Throws where it cannot follow. */
export function moveOn<M extends AnyStateMachine>(folding: Folding<M>, { snapshot }: Live<M>, fact: RecordedFact): Live<M> {
  const { stream, revision, position } = fact;
  return { snapshot: folding.next(snapshot, fact, `${stream} at revision ${revision}`), revision, position };
}
