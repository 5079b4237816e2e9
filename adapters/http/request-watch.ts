/**
 * Stands before everything at a door, gives each request its id, and tells what became of it: a line in the log, figures, and a span where there are traces.
 * Names of operations come from our own code, so they are bounded; neither addresses nor bodies of requests are told.
 */
import type { Context, MiddlewareHandler } from 'hono';
import type { Clock, Random } from '../../domain/ports/clock.ts';
import type { Logger } from '../logging.ts';
import { addressOf, lastHop } from './refusals.ts';
import { createRepetitions } from './repetitions.ts';
import { notesOf, type RequestNotes } from './request-notes.ts';

export interface RequestWatchPorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Pick<Logger, 'debug' | 'info' | 'warn'>;
  /** For figures. */
  readonly answered: (answered: Pick<Answered, 'operation' | 'status'>, seconds: number) => void;
  /** Undefined: nobody traces. */
  readonly traced?: ((request: Request, notes: RequestNotes) => ((answered: Answered) => void) | undefined) | undefined;
  /** Whether the last address in `X-Forwarded-For` is the caller's. */
  readonly trustsForwardedFor: boolean;
}

/** As lines of the log have it. */
export interface Answered {
  readonly requestId: string;
  readonly operation: string;
  readonly status: number;
  /** Until the head of the answer. */
  readonly ms: number;
  readonly client: string | undefined;
  readonly address: string | undefined;
}

export interface DoorOptions {
  /** The operations of paths that are always the same. Others are noted by whoever carries them out. */
  readonly operations: ReadonlyMap<string, string>;
  /** Which of all operations change something, and are told of even if nothing went wrong. */
  readonly changes: ReadonlySet<string>;
  /** Whether its requests may begin a trace, or be part of one. */
  readonly isTraced: boolean;
}

export type RequestWatch = (door: DoorOptions) => MiddlewareHandler;

/** Asked all the time, and by nobody who would want to read of it. */
const UNTOLD: ReadonlySet<string> = new Set(['/health', '/ready']);
const THROTTLED = 'throttled';
const UNKNOWN = 'unknown';

export function createRequestWatch(ports: RequestWatchPorts): RequestWatch {
  const { clock, random, logger, traced } = ports;
  const isNew = createRepetitions({
    clock,
    repeated: (line, times) => logger.info({ ...line, times }, 'More requests like this one were refused.'),
    omitted: (times) => logger.info({ times }, 'Further requests of other callers were refused.'),
  });

  function tell(answered: Answered, isChange: boolean): void {
    const { requestId, ms, ...alike } = answered;
    const { status } = answered;
    if (status < 400) logger[isChange ? 'info' : 'debug'](answered, 'A request was answered.');
    else if (!isNew(Object.values(alike).join(), alike)) logger.debug(answered, 'A request was refused again.');
    else if (status < 500) logger.info(answered, 'A request was refused.');
    else logger.warn(answered, 'A request could not be answered.');
  }

  return ({ operations, changes, isTraced }) =>
    async (context, next) => {
      if (UNTOLD.has(context.req.path)) return next();
      const began = performance.now();
      const notes = notesOf(context.req.raw, random);
      const ended = isTraced ? traced?.(context.req.raw, notes) : undefined;
      await next();
      const ms = performance.now() - began;
      const { status } = context.res;
      const known = notes.operation ?? operations.get(context.req.path);
      const operation = known ?? (status === 429 ? THROTTLED : UNKNOWN);
      ports.answered({ operation, status }, ms / 1000);
      const address = callerOf(context, ports.trustsForwardedFor);
      const client = notes.client ?? context.get('clientId');
      const answered = { requestId: notes.requestId, operation, status, ms: Math.round(ms * 10) / 10, client, address };
      tell(answered, changes.has(operation));
      if (known !== undefined) ended?.(answered);
      return undefined;
    };
}

function callerOf(context: Context, trustsForwardedFor: boolean): string | undefined {
  return (trustsForwardedFor ? lastHop(context.req.header('x-forwarded-for') ?? null) : undefined) ?? addressOf(context);
}

/** What agents and other brokers ask for. */
export const AGENT_OPERATIONS: ReadonlyMap<string, string> = new Map([
  ['/oauth2/token', 'agent-token'],
  ['/agent/register', 'agent-register'],
  ['/agent/connect', 'agent-connect'],
  ['/agent/orders', 'agent-orders'],
  ['/agent/reports', 'agent-reports'],
  ['/agent/screenshots', 'agent-screenshots'],
  ['/agent/validate-authentication-token', 'validate-authentication-token'],
  ['/brokers/telemetry', 'broker-telemetry'],
  ['/brokers/screenshots', 'broker-screenshots'],
  ['/brokers/holds', 'broker-holds'],
  ['/brokers/contested', 'broker-contested'],
]);

/** What connection gateways ask for. */
export const GATEWAY_OPERATIONS: ReadonlyMap<string, string> = new Map([['/resolveSession', 'resolveSession']]);

/** What clients ask for besides the operations of the API. */
export const CLIENT_OPERATIONS: ReadonlyMap<string, string> = new Map([
  ['/oauth2/token', 'token'],
  ['/metrics', 'metrics'],
  ['/docs', 'docs'],
  ['/dcv-session-manager-api.yaml', 'api-yaml'],
]);
