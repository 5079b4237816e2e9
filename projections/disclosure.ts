/**
 * How much of a fact is shown to those who ask what happened. Answers kept for idempotent requests, hashes of secrets and sealed keys are not: whoever
 * may ask about the past need not have been meant by them. What is not known here is shown without its data.
 */
import type { RecordedFact } from '../domain/facts.ts';

/** Everything in facts about these may be shown. */
const OPEN: ReadonlySet<string> = new Set(['session', 'server', 'attempt', 'login', 'dns-mappings', 'auth-server']);

/** What may be shown of the others, by type. */
const SHOWN: Readonly<Record<string, readonly string[]>> = {
  'request.accepted': ['operation', 'expires'],
  'request.answered': ['status'],
  'api-client.registered': ['name', 'scopes', 'owner'],
  'agent-client.registered': ['name', 'statementId'],
};

/** The data of a fact as far as it may be shown. */
export function disclosed({ type, data }: Pick<RecordedFact, 'type' | 'data'>): object {
  if (OPEN.has(type.slice(0, type.indexOf('.')))) return data;
  const shown = SHOWN[type] ?? [];
  return Object.fromEntries(Object.entries(data).filter(([name]) => shown.includes(name)));
}
