/** Where the reading of one archive stands. The file is open only while something of it is next. */
import { LOG_START, type Position, type RecordedFact } from '../../domain/facts.ts';
import { readFacts } from './format.ts';
import type { Sound } from './shelf.ts';

export interface Cursor {
  /** To the first fact behind a position. Further back means from the beginning of the file. */
  moveBehind(after: Position): Promise<void>;
  /** Of the fact that it stands at; infinite behind the last. */
  position(): Position;
  /** Undefined behind the last. */
  fact(): Promise<RecordedFact | undefined>;
  close(): Promise<void>;
}

export function createCursor({ path, header }: Sound): Cursor {
  let facts: AsyncGenerator<RecordedFact, undefined> | undefined;
  let current: RecordedFact | undefined;
  /** Everything up to here lies behind. */
  let passed = LOG_START;

  async function close(): Promise<void> {
    await facts?.return(undefined);
    facts = undefined;
    current = undefined;
  }

  async function fact(): Promise<RecordedFact | undefined> {
    if (passed >= header.last) return undefined;
    if (facts === undefined) {
      facts = readFacts(path);
      current = (await facts.next()).value;
    }
    while (current !== undefined && current.position <= passed) current = (await facts.next()).value;
    return current;
  }

  return {
    async moveBehind(after) {
      if (after < passed) await close();
      if (after === passed) return;
      passed = after;
      if (after >= header.last) await close();
      else if (after >= header.first) await fact();
    },
    position: () => current?.position ?? (passed < header.first ? header.first : Number.POSITIVE_INFINITY),
    fact,
    close,
  };
}
