/** `GET /ready`: whether a request would be answered now, and if not, why. Asked often and by anybody, so it looks at memory only. */
import { reply } from './reply.ts';

/** What may be amiss. `log`: it cannot be reached; `read-models`: they are far behind it. */
export type NotReady = 'starting' | 'log' | 'read-models' | 'stopping';

export function answerReady(notReady: readonly NotReady[]): Response {
  return notReady.length === 0 ? reply(200, { status: 'ready' }) : reply(503, { status: 'not ready', notReady });
}
