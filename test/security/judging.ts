/** What an answer to an attack must not be: a fault of the broker, something else than was promised, or a word too many. */
import type { Attack } from './attacks.ts';
import type { Heard, Outcome } from './line.ts';

/** Headers that the broker sends. Any other one came from a caller. */
const HEADERS: ReadonlySet<string> = new Set([
  'allow',
  'berth-position',
  'cache-control',
  'connection',
  'content-length',
  'content-security-policy',
  'content-type',
  'date',
  'idempotency-replayed',
  'keep-alive',
  'referrer-policy',
  'retry-after',
  'transfer-encoding',
  'www-authenticate',
  'x-accel-buffering',
  'x-content-type-options',
]);

/** Of our insides: places in the code, tables, libraries, folders. */
const INSIDES =
  /\bat .*[/(]\S+\.[jt]s:\d+|node_modules|node:internal|\bSQLITE_|\bselect .* from\b|TypeError|RangeError|SyntaxError|ZodError|\/(?:work|tmp|home|root|usr)\//i;

/** A question about the past that would cost too much now is told so. */
const DOCUMENTED_503 = /^\{"error":"AsOf: /;

/** What is wrong with what came of an attack; none: nothing. `secrets` are never to be said. */
export function faultsOf(attack: Attack, { heard, isStalled, ms }: Outcome, secrets: readonly string[]): readonly string[] {
  const stalled = isStalled ? [`neither an answer nor an end in ${Math.round(ms)} ms`] : [];
  const silent = heard.length === 0 && !isStalled && !attack.isLast ? ['hung up without an answer'] : [];
  return [...stalled, ...silent, ...heard.flatMap((answer) => faultsIn(attack, answer, secrets))];
}

function faultsIn(attack: Attack, { status, headers, body }: Heard, secrets: readonly string[]): readonly string[] {
  const faults: string[] = [];
  const strange = [...headers.keys()].filter((name) => !HEADERS.has(name));
  if (strange.length > 0) faults.push(`headers ${strange.join()}`);
  if (!(status >= 200 && status < 500) && !(status === 503 && DOCUMENTED_503.test(body))) faults.push(`status ${status}`);
  if (status >= 400 && !isToldRight(attack, { status, headers, body })) faults.push(`an error in another shape: ${body.slice(0, 300)}`);
  if (status >= 400 && INSIDES.test(body)) faults.push(`our insides: ${INSIDES.exec(body)?.[0]}`);
  if (secrets.some((secret) => body.includes(secret))) faults.push('a secret');
  return faults;
}

type Told = Pick<Heard, 'status' | 'headers' | 'body'>;

function isToldRight({ route, method }: Attack, { status, headers, body }: Told): boolean {
  if (method === 'HEAD') return true;
  if (route?.errors === 'verdict' && (headers.get('content-type') ?? '').startsWith('text/xml')) return status === 405;
  if (!(headers.get('content-type') ?? '').startsWith('application/json')) return false;
  return isError(body);
}

function isError(body: string): boolean {
  try {
    const told: unknown = JSON.parse(body);
    return typeof told === 'object' && told !== null && 'error' in told && typeof told.error === 'string' && told.error !== '';
  } catch {
    return false;
  }
}
