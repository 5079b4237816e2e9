/** One fact as a line for people. What callers chose is in it, so nothing in it can steer a terminal. */
import type { RecordedFact } from '../../domain/facts.ts';
import { disclosed } from '../../projections/disclosure.ts';
import { harmless } from '../harmless.ts';

/** As wide as the longest types there are. */
const TYPE_WIDTH = 28;
const DETAILS_LENGTH = 160;

export function auditLine(fact: RecordedFact): string {
  const { time, type, stream, cause, requestId } = fact;
  const when = new Date(time).toISOString().replace('T', ' ');
  const parts = [when, type.padEnd(TYPE_WIDTH), stream, `${cause.kind} ${cause.id}`, `request ${requestId}`, detailsOf(disclosed(fact))];
  return harmless(parts.join('  ').trimEnd());
}

function detailsOf(data: object): string {
  const text = Object.entries(data)
    .map(([name, value]) => `${name}=${typeof value === 'string' && /^[^\s"]+$/.test(value) ? value : JSON.stringify(value)}`)
    .join(' ');
  return text.length > DETAILS_LENGTH ? `${text.slice(0, DETAILS_LENGTH)}…` : text;
}
