/** Facts as they were stored by this version of Berth and by earlier ones: `test/fixtures/facts/<type>.<version>.json`. */
import { readdirSync, readFileSync } from 'node:fs';
import type { RecordedFact } from '../../domain/facts.ts';

export interface Recorded {
  readonly type: string;
  readonly version: number;
  readonly facts: readonly RecordedFact[];
}

const FOLDER = new URL('../../../test/fixtures/facts/', import.meta.url);

export function recordedFacts(): readonly Recorded[] {
  return readdirSync(FOLDER).map((name) => {
    const [, type = '', version] = /^(.+)\.(\d+)\.json$/.exec(name) ?? [];
    return { type, version: Number(version), facts: JSON.parse(readFileSync(new URL(name, FOLDER), 'utf8')) as RecordedFact[] };
  });
}
