/** Facts on their way into a log: checked and turned into JSON before anything is queued, so that no bad fact can fail its neighbours. */
import { type NewFact, NO_STREAM, type Position, type RecordedFact, type Revision } from '../domain/facts.ts';
import type { StreamName } from '../domain/ids.ts';

/** The most facts of one append. */
const APPEND_LIMIT = 500;

/** Servers keep ids as numbers and give them back in small letters. */
const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
/** Half of a pair that is one character: there is no UTF-8 for it. */
const HALF_A_CHARACTER = /\p{Surrogate}/u;

/** A fact with the JSON text of its data. Only the text counts from here on: whoever changes the object later changes nothing. */
export interface Draft {
  readonly fact: NewFact;
  readonly data: string;
}

export interface Place {
  readonly stream: StreamName;
  readonly revision: Revision;
  readonly position: Position;
}

/** Throws TypeError, with a sentence that names the fault, for an append that no log could store. */
export function draftFacts(stream: StreamName, expectedRevision: Revision, facts: readonly NewFact[]): readonly Draft[] {
  if (!isText(stream)) {
    throw new TypeError('A stream needs a name, of whole characters.');
  }
  if (!Number.isSafeInteger(expectedRevision) || expectedRevision < NO_STREAM) {
    throw new TypeError(`The expected revision of ${stream} is ${expectedRevision}, not a whole number from ${NO_STREAM} on.`);
  }
  if (facts.length === 0 || facts.length > APPEND_LIMIT) {
    throw new TypeError(`An append holds 1 to ${APPEND_LIMIT} facts, not ${facts.length} (${stream}).`);
  }
  return facts.map(draftFact);
}

/** The fact as every reader gets it: made from its text, so a live subscriber and a later reader of the disk see the same. */
export function recordedFact({ fact, data }: Draft, { stream, revision, position }: Place): RecordedFact {
  const { id, type, schemaVersion, time, cause, requestId, hash } = fact;
  const who = { kind: cause.kind, id: cause.id };
  const parsed = JSON.parse(data);
  // Spelled out twice, because spreading costs more than all the rest.
  if (hash === undefined) return { position, stream, revision, id, type, schemaVersion, time, cause: who, requestId, data: parsed };
  return { position, stream, revision, id, type, schemaVersion, time, cause: who, requestId, data: parsed, hash };
}

const isText = (text: string): boolean => text.length > 0 && !HALF_A_CHARACTER.test(text);

function draftFact(fact: NewFact): Draft {
  const texts = [fact.id, fact.type, fact.cause.kind, fact.cause.id, fact.requestId, fact.hash ?? ''];
  if (!texts.every((text) => typeof text === 'string') || ![fact.schemaVersion, fact.time].every(Number.isSafeInteger)) {
    throw new TypeError(`The envelope of the fact ${fact.type} ${fact.id} is not complete.`);
  }
  if (!UUID.test(fact.id)) {
    throw new TypeError(`The id of a fact is a UUID in small letters, not ${fact.id} (${fact.type}).`);
  }
  if (!isText(fact.type)) {
    throw new TypeError(`The fact ${fact.id} needs a type, of whole characters.`);
  }
  return { fact, data: dataText(fact) };
}

function dataText(fact: NewFact): string {
  const { text, cause } = stringify(fact.data);
  if (text?.startsWith('{') || text?.startsWith('[')) {
    return text;
  }
  throw new TypeError(`The data of the fact ${fact.type} ${fact.id} cannot be stored as a JSON object.`, { cause });
}

function stringify(data: object): { readonly text?: string | undefined; readonly cause?: unknown } {
  try {
    return { text: JSON.stringify(data) };
  } catch (cause) {
    return { cause };
  }
}
