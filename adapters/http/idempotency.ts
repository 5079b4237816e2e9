/**
 * The header Idempotency-Key (draft-ietf-httpapi-idempotency-key-header): a change that is sent again with the same key is carried out once,
 * and its answer is given again. Operations that only look do not heed it: repeating them is harmless, and their answers are not kept.
 */
import { createHash } from 'node:crypto';
import type { Application } from '../application.ts';
import type { Attempt, Once } from '../once.ts';
import type { Call, Change } from './call.ts';
import { POSITION_HEADER } from './position.ts';
import { badRequest, HttpProblem, replyText } from './reply.ts';

export interface RepeatableDeps {
  readonly once: Once;
  readonly application: Pick<Application, 'position'>;
}

const REPLAYED = { 'idempotency-replayed': 'true' };
const RETRY_AFTER_SECONDS = '1';

export function createRepeatable(
  { once, application }: RepeatableDeps,
  change: Change,
): (call: Call, request: Request) => Promise<Response> {
  const send = ({ status, body }: { readonly status: number; readonly body: string }, headers: Record<string, string>) =>
    replyText(status, body, { ...headers, [POSITION_HEADER]: String(application.position()) });

  return async (call, request) => {
    const header = request.headers.get('idempotency-key');
    const key = header === null ? undefined : readKey(header);
    const work = await change(call);
    const answer = async (attempt: Attempt) => ({ status: 200, body: JSON.stringify(await work(attempt)) });
    if (key === undefined) return send(await answer({ origin: call.origin }), {});
    const operation = `${request.method} ${new URL(request.url).pathname}`;
    const fingerprint = createHash('sha256')
      .update(`${operation}\n`)
      .update(await call.text())
      .digest('hex');
    const outcome = await once({ clientId: call.origin.cause.id, key, operation, fingerprint }, call.origin, answer);
    if ('done' in outcome) return send(outcome.done, outcome.isReplayed ? REPLAYED : {});
    const { code, reason } = outcome.rejected;
    if (code === 'UNDER_WAY') throw new HttpProblem(409, `Idempotency-Key: ${reason}`, { 'retry-after': RETRY_AFTER_SECONDS });
    throw new HttpProblem(422, `Idempotency-Key: ${reason}`);
  };
}

const QUOTED = /^"((?:[ !#-[\]-~]|\\["\\])*)"$/;
const KEY = /^[ -~]{1,255}$/;

/** A string as structured fields write it (RFC 8941, section 3.3.3), or the bare text, as most clients send it: both name the same key. */
function readKey(header: string): string {
  const [, quoted] = QUOTED.exec(header) ?? [];
  const key = header.startsWith('"') ? quoted?.replaceAll(/\\(.)/g, '$1') : header;
  if (key !== undefined && KEY.test(key)) return key;
  throw badRequest('Idempotency-Key: expected 1 to 255 printable ASCII characters, bare or in double quotes.');
}
