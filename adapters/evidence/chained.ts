/** A log whose facts are chained: a layer around any log that gives each fact, on its way in, the hash that ties it to the one before it in its stream. */
import type { NewFact, Revision } from '../../domain/facts.ts';
import type { StreamName } from '../../domain/ids.ts';
import { type Appended, type Deliver, type EventLog, LogBusyError, LogFault } from '../../domain/ports/event-log.ts';
import { type Draft, draftFacts } from '../drafts.ts';
import { hashDraft } from './links.ts';
import { createStreamLinks } from './stream-links.ts';

export interface ChainOptions {
  /** Streams whose last hash is remembered, some 250 bytes each. Default 20,000. */
  readonly streams?: number;
}

/** Facts that may wait for another append to their stream, or for a look at it; more are turned away with LogBusyError. */
const WAITING_FACTS = 10_000;

/** One append. */
interface Addition {
  readonly stream: StreamName;
  readonly expectedRevision: Revision;
  readonly drafts: readonly Draft[];
}

export function chained<L extends EventLog>(log: L, { streams = 20_000 }: ChainOptions = {}): L {
  const links = createStreamLinks(log, streams);
  /** The newest append to each stream that has one under way. */
  const underWay = new Map<StreamName, Promise<unknown>>();
  let waitingFacts = 0;
  let closing: Promise<void> | undefined;

  async function append(stream: StreamName, expectedRevision: Revision, facts: readonly NewFact[]): Promise<Appended> {
    if (closing) throw new LogFault('The log is closed.');
    const addition = { stream, expectedRevision, drafts: draftFacts(stream, expectedRevision, facts) };
    const before = underWay.get(stream);
    const previous = before === undefined ? links.remembered(stream, expectedRevision) : undefined;
    const appending = previous === undefined ? writeInTurn(addition, before) : write(addition, previous);
    underWay.set(stream, appending);
    try {
      return await appending;
    } finally {
      if (underWay.get(stream) === appending) underWay.delete(stream);
    }
  }

  /** Begins now, so that nothing can change what is written after its hash was taken. */
  async function write({ stream, expectedRevision, drafts }: Addition, previous: string): Promise<Appended> {
    let revision = expectedRevision;
    let hash = previous;
    const linked = drafts.map((draft) => {
      revision += 1;
      hash = hashDraft(hash, stream, revision, draft);
      return withHash(draft.fact, hash);
    });
    const appended = await log.append(stream, expectedRevision, linked);
    if (appended.outcome === 'appended') links.learn(stream, { revision, hash });
    return appended;
  }

  /** Behind the appends to the same stream that are under way: one of them may write the very fact that this one follows. */
  async function writeInTurn({ stream, expectedRevision, drafts }: Addition, before: Promise<unknown> | undefined): Promise<Appended> {
    if (waitingFacts + drafts.length > WAITING_FACTS) {
      throw new LogBusyError(`${waitingFacts} facts are waiting for their turn, and ${WAITING_FACTS} is the limit. Try again shortly.`);
    }
    waitingFacts += drafts.length;
    const addition = { stream, expectedRevision, drafts: drafts.map(owned) };
    try {
      await before?.catch(() => undefined);
      const previous = links.remembered(stream, expectedRevision) ?? (await links.read(stream, expectedRevision));
      return typeof previous === 'string' ? await write(addition, previous) : { outcome: 'conflict', ...previous };
    } finally {
      waitingFacts -= drafts.length;
    }
  }

  async function close(): Promise<void> {
    await Promise.allSettled(underWay.values());
    await log.close();
  }

  /** What others append to a shared log is heard here first. */
  const learning =
    (deliver: Deliver): Deliver =>
    (facts) => {
      links.learnFrom(facts);
      return deliver(facts);
    };

  return {
    ...log,
    append,
    async readStream(stream, fromRevision, limit) {
      const facts = await log.readStream(stream, fromRevision, limit);
      links.learnFrom(facts.slice(-1));
      return facts;
    },
    subscribe: (after, deliver, failed) => log.subscribe(after, log.isShared ? learning(deliver) : deliver, failed),
    close() {
      closing ??= close();
      return closing;
    },
  };
}

/** A draft that the maker of the fact can change no more. */
const owned = ({ fact, data }: Draft): Draft => ({ fact: { ...fact, data: JSON.parse(data) }, data });

function withHash({ id, type, schemaVersion, time, cause, requestId, data }: NewFact, hash: string): NewFact {
  return { id, type, schemaVersion, time, cause, requestId, hash, data };
}
