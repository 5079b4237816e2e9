/** Where each stream stands: remembered for the streams written lately, looked up for the others. Sound because this process is the only writer. */
import { LRUCache } from 'lru-cache';
import { LOG_START, NO_STREAM, type Revision } from '../../domain/facts.ts';
import type { StreamName } from '../../domain/ids.ts';
import type { Connection } from './connection.ts';
import { hasRemovals, readStreamHeads, type StreamHead } from './log-statements.ts';

/** Streams that are remembered; about 200 bytes each. */
const KNOWN_STREAMS = 50_000;

/** Streams that hold nothing are missing. */
export type HeadsByStream = Map<StreamName, StreamHead>;

interface InStream {
  readonly stream: StreamName;
}

interface Expecting extends InStream {
  readonly expectedRevision: Revision;
}

export interface StreamHeads {
  /**
   * The heads of these streams; those not remembered are looked up in one query. With `exceptNew` only those that are expected to be there are, unless facts
   * were ever removed: the index that notices a stream that is not new after all knows nothing of those.
   */
  of(group: readonly Expecting[], options?: { readonly exceptNew: boolean }): Promise<HeadsByStream>;
  remember(heads: HeadsByStream): void;
  forget(group: readonly InStream[]): void;
}

export function createStreamHeads(connection: Connection): StreamHeads {
  const known = new LRUCache<StreamName, StreamHead>({ max: KNOWN_STREAMS });
  /** Undefined: not asked yet. */
  let isAnyRemoved: boolean | undefined;
  return {
    async of(group, { exceptNew } = { exceptNew: false }) {
      isAnyRemoved ??= await hasRemovals(connection);
      const heads: HeadsByStream = new Map();
      const unknown = new Set<StreamName>();
      for (const { stream, expectedRevision } of group) {
        const head = known.get(stream);
        if (head) {
          heads.set(stream, head);
        } else if (!exceptNew || isAnyRemoved || expectedRevision !== NO_STREAM) {
          unknown.add(stream);
        }
      }
      if (unknown.size > 0) {
        for (const { name, first, revision } of await readStreamHeads(connection, [...unknown])) {
          heads.set(name, { first, revision });
        }
      }
      return heads;
    },
    remember(heads) {
      for (const [stream, head] of heads) {
        known.set(stream, head);
        isAnyRemoved ||= head.first === LOG_START;
      }
    },
    forget(group) {
      for (const { stream } of group) {
        known.delete(stream);
      }
    },
  };
}

export function headOf(heads: HeadsByStream, stream: StreamName): StreamHead {
  return heads.get(stream) ?? { first: LOG_START, revision: NO_STREAM };
}
