/** What agents and other brokers are told when their request cannot be served, and how their bodies are read: programs of ours, in few words. */
import type { Context, MiddlewareHandler } from 'hono';
import type { z } from 'zod';
import type { Origin } from '../../domain/facts.ts';
import type { Random } from '../../domain/ports/clock.ts';
import { LogBusyError, LogFault } from '../../domain/ports/event-log.ts';
import type { Attempts } from '../audit/attempts.ts';
import { claimedBy } from '../tokens.ts';
import { readText } from './body.ts';
import { addressOf, createRefusals, strangerAt } from './refusals.ts';
import { HttpProblem, type ProblemNotes } from './reply.ts';
import { notesOf } from './request-notes.ts';

/** Where a context keeps them. */
const [REFUSED, NOTES] = ['refused', 'notes'] as const;

export type Parsed<T> = { readonly value: T } | { readonly invalid: string };

/** `invalid` names the first member at fault and what is wrong with it. Throws HttpProblem for a body that is too large or no text. */
export async function parsed<T>({ req }: Context, schema: z.ZodType<T>, limitBytes: number): Promise<Parsed<T>> {
  const text = await readText(req.raw, limitBytes);
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return { invalid: 'The body is not JSON' };
  }
  const result = schema.safeParse(json);
  if (result.success) return { value: result.data };
  const [issue] = result.error.issues;
  return { invalid: `${issue?.path.join('.') || 'body'}: ${issue?.message}` };
}

type ProblemStatus = 400 | 401 | 403 | 404 | 409 | 413 | 429 | 500 | 503;

export function problem(c: Context, status: ProblemStatus, error: string, message?: string): Response {
  c.set(REFUSED, new HttpProblem(status, message ?? error, {}, { code: error.toUpperCase(), ...c.get(NOTES) }));
  return c.json(message === undefined ? { error } : { error, message }, status);
}

/** What the audit is to say besides, if the request is turned down. */
export function note(c: Context, notes: ProblemNotes): void {
  c.set(NOTES, notes);
}

export function unauthorized(c: Context): Response {
  const token = bearerToken(c);
  note(c, token === undefined ? { code: 'NO_TOKEN' } : { claimedClient: claimedBy(token) });
  c.header('WWW-Authenticate', 'Bearer');
  return problem(c, 401, 'invalid_token');
}

/** Undefined where there is none. */
export const bearerToken = ({ req }: Context): string | undefined => /^Bearer ([^\s]+)$/i.exec(req.header('Authorization') ?? '')?.[1];

/** The answer where there is nothing, which is no attempt at anything. */
export const answerUnknown = (c: Context): Response =>
  c.json({ error: 'not_found', message: 'There is nothing here for agents or brokers' }, 404);

/** The answer to a request that threw `error`; `failed` is told of what ought not to happen. */
export function answerProblem(c: Context, error: Error, failed: (error: unknown, request: Request) => void): Response {
  if (error instanceof HttpProblem) return unreadable(c, error);
  if (error instanceof LogBusyError || error instanceof LogFault) {
    return problem(c, 503, 'busy', 'The broker cannot write its log at the moment');
  }
  failed(error, c.req.raw);
  return problem(c, 500, 'internal_error');
}

/** Tells the audit what was turned down with `problem`, whichever way that came about. Stands around everything that answers agents and brokers. */
export function recordRefusals({ attempts, random }: { readonly attempts: Attempts; readonly random: Random }): MiddlewareHandler {
  return async (c, next) => {
    await next();
    const refused: HttpProblem | undefined = c.get(REFUSED);
    if (refused === undefined) return;
    const client: string | undefined = c.get('clientId');
    const stranger = strangerAt('agent-api', notesOf(c.req.raw, random).requestId);
    const origin: Origin = client === undefined ? stranger : { ...stranger, cause: { kind: 'agent', id: client } };
    createRefusals(attempts, { operation: c.req.path, remoteAddress: addressOf(c) }).request(refused, origin);
  };
}

/** A body beyond its limit, one that cannot be read as text, or too many of them. */
function unreadable(c: Context, { status, headers, message }: HttpProblem): Response {
  for (const [name, value] of Object.entries(headers)) c.header(name, value);
  if (status === 429) return problem(c, 429, 'too_many_requests', message);
  return status === 413 ? problem(c, 413, 'too_large', message) : problem(c, 400, 'invalid_request', message);
}
