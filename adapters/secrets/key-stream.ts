/** The streams that keys are in. Any broker may add a key, so whoever comes second uses what the first one wrote. */
import { NO_STREAM, type Origin, type RecordedFact, type Revision } from '../../domain/facts.ts';
import { factId, requestId, type StreamName } from '../../domain/ids.ts';
import type { KeyEvent } from '../../domain/keys/events.ts';
import type { Clock, Random } from '../../domain/ports/clock.ts';
import type { EventLog } from '../../domain/ports/event-log.ts';
import { versionOf } from '../../domain/shapes.ts';
import type { ClusterKey } from './cluster-key.ts';

export interface KeyPorts {
  readonly log: EventLog;
  readonly clock: Clock;
  readonly random: Random;
  /** Who adds keys; absent: the broker of itself. */
  readonly origin?: Origin;
}

export type KeyFact<Type extends KeyEvent['type'] = KeyEvent['type']> = RecordedFact<Extract<KeyEvent, { readonly type: Type }>>;

const PAGE = 500;

/** The facts of a stream from a revision on. */
export async function readKeys<Type extends KeyEvent['type']>(
  log: Pick<EventLog, 'readStream'>,
  stream: StreamName,
  from: Revision,
): Promise<readonly KeyFact<Type>[]> {
  const facts: KeyFact<Type>[] = [];
  for (let page: readonly RecordedFact[] | undefined; page === undefined || page.length === PAGE; ) {
    page = await log.readStream(stream, from + facts.length, PAGE);
    facts.push(...(page as readonly KeyFact<Type>[]));
  }
  return facts;
}

/** Adds keys behind `known`; without effect when another broker has added some meanwhile. Gives the facts of the stream as they are then. */
export async function addKeys<Type extends KeyEvent['type']>(
  { log, clock, random, origin: given }: KeyPorts,
  stream: StreamName,
  known: readonly KeyFact<Type>[],
  events: readonly Extract<KeyEvent, { readonly type: Type }>[],
): Promise<readonly KeyFact<Type>[]> {
  const origin: Origin = given ?? { cause: { kind: 'broker', id: 'keys' }, requestId: requestId(random.uuid()) };
  const envelope = (type: Type) => ({ ...origin, id: factId(random.uuid()), schemaVersion: versionOf(type), time: clock.now() });
  const facts = events.map((event) => ({ ...event, ...envelope(event.type) }));
  await log.append(stream, known.at(-1)?.revision ?? NO_STREAM, facts);
  return readKeys(log, stream, 0);
}

/** What to tell the operator whose broker cannot open what is in the log. */
export const wrongClusterKey = ({ file }: Pick<ClusterKey, 'file'>): Error =>
  new Error(
    `The cluster key in ${file} does not open the keys in this log. Put the cluster.key of a broker that runs on this log there, or name it with berth.cluster-key-file. Where it is lost: berth replace-cluster-key.`,
  );
