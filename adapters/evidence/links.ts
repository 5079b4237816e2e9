/**
 * What ties a fact to the one before it in its stream: SHA-256 over a text that anybody can write down again from what the log gives back. Positions
 * are left out, because a copied log has others. These texts are what every chain ever written stands on: they never change.
 */
import { hash as digest } from 'node:crypto';
import type { NewFact, RecordedFact, Revision } from '../../domain/facts.ts';
import type { StreamName } from '../../domain/ids.ts';
import type { Draft } from '../drafts.ts';

/** Where a stream stands: the last fact known of it. */
export interface Link {
  readonly revision: Revision;
  readonly hash: string;
}

/** SHA-256 of the UTF-8 of a text, as base64url: 43 characters. */
export const sha256 = (text: string): string => digest('sha256', text, 'base64url');

/** What the first fact of a stream follows. */
export const genesis = (stream: StreamName): string => sha256(`Berth, stream ${stream}`);

/** The hash of a draft that becomes this revision of its stream. */
export function hashDraft(previous: string, stream: StreamName, revision: Revision, { fact, data }: Draft): string {
  return sha256(canonicalText([previous, stream, revision], fact, data));
}

/**
 * What the hash of a recorded fact must be behind `previous`. JSON as JavaScript writes it is the same text after being read and written again, so
 * it does not matter how the log keeps it.
 */
export function hashRecorded(previous: string, fact: RecordedFact): string {
  return sha256(canonicalText([previous, fact.stream, fact.revision], fact, JSON.stringify(fact.data)));
}

/** What the next fact of the stream, and a checkpoint, know a fact by. One that is older than the chain stands for itself alone. */
export function linkOf(fact: RecordedFact): string {
  return fact.hash ?? hashRecorded(genesis(fact.stream), fact);
}

/** `[previous, stream, revision, id, type, schemaVersion, time, kind of cause, id of cause, requestId, data]` as JSON, without white space. */
function canonicalText(place: readonly [previous: string, StreamName, Revision], fact: NewFact, data: string): string {
  const { id, type, schemaVersion, time, cause, requestId } = fact;
  return `${JSON.stringify([...place, id, type, schemaVersion, time, cause.kind, cause.id, requestId]).slice(0, -1)},${data}]`;
}
