/** Facts for tests of logs. */
import { randomUUID } from 'node:crypto';
import type { NewFact } from '../../domain/facts.ts';
import { factId } from '../../domain/ids.ts';
import { ORIGIN } from './samples.ts';

export const newFact = (data: object = {}): NewFact => ({
  ...ORIGIN,
  type: 'desk.moved',
  data,
  id: factId(randomUUID()),
  schemaVersion: 1,
  time: 1_700_000_000_123,
});

export const newFacts = (count: number): NewFact[] => Array.from({ length: count }, (_, number) => newFact({ number }));
