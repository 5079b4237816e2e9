/**
 * `POST /agent/validate-authentication-token`: a DCV server asks whether the connection token that somebody shows it is good. Nobody authenticates for
 * asking, as with the original; a caller learns what it could only learn with a good token in hand. Every question gets a verdict, however it is put.
 */
import { type Context, Hono } from 'hono';
import { streamName } from '../../domain/ids.ts';
import type { Random } from '../../domain/ports/clock.ts';
import { LogBusyError, LogFault } from '../../domain/ports/event-log.ts';
import type { Admission, Admit, Known } from '../admission.ts';
import type { Attempts, Logins } from '../audit/attempts.ts';
import { readText } from './body.ts';
import { addressOf, strangerAt } from './refusals.ts';
import { badRequest, HttpProblem } from './reply.ts';
import { notesOf } from './request-notes.ts';
import { no, yes } from './verdict.ts';

export interface VerifierDeps {
  readonly admit: Admit;
  /** Where logins are kept, those that were turned down and the others. */
  readonly attempts: Attempts & Logins;
  readonly random: Random;
  /** Told of what was thrown while a question was answered. */
  failed(error: unknown, request: Request): void;
}

const PATH = '/agent/validate-authentication-token';
/** Of a token; longer ones are not even looked at. */
const MAX_TOKEN_LENGTH = 10_000;
/** The longest token, were it all percent-encoded, and the other fields. */
const MAX_BODY_BYTES = 32_768;
/** How a session can be called; see the agent's inventory. */
const LOCAL_ID = /^[A-Za-z0-9._-]{1,100}$/;
/** Of an IPv4 or IPv6 address, with a port or without. */
const ADDRESS = /^[0-9A-Fa-f:.[\]]{2,60}$/;
const FORM = /^application\/x-www-form-urlencoded *(;|$)/i;

export function createVerifier(deps: VerifierDeps): Hono {
  const app = new Hono();
  app.post(PATH, (c) => answer(c, deps));
  app.all(PATH, () => no(405, { allow: 'POST' }));
  return app;
}

async function answer(c: Context, { admit, attempts, random, failed }: VerifierDeps): Promise<Response> {
  const asked = { operation: PATH, status: 200, remoteAddress: addressOf(c) };
  const origin = strangerAt('agent-api', notesOf(c.req.raw, random).requestId);
  try {
    const { clientAddress, ...question } = await read(c.req.raw);
    const admission = sayable(await admit({ ...question, address: asked.remoteAddress }, origin));
    const { known } = admission;
    if ('response' in admission) {
      const { remoteAddress } = asked;
      attempts.accepted(
        { operation: PATH, user: admission.known.user, target: sessionStream(admission.known), remoteAddress, clientAddress },
        origin,
      );
      return admission.response;
    }
    const target = known === undefined ? streamName('session', question.localId) : sessionStream(known);
    attempts.refused({ ...asked, ...admission.refused, user: known?.user, target, clientAddress }, origin);
    return no();
  } catch (error) {
    if (error instanceof HttpProblem) {
      attempts.refused({ ...asked, code: error.status === 413 ? 'TOO_LARGE' : 'INVALID_REQUEST', reason: error.message }, origin);
      return no(200, error.headers);
    }
    const isBusy = error instanceof LogBusyError || error instanceof LogFault;
    if (!isBusy) failed(error, c.req.raw);
    return no(isBusy ? 503 : 500);
  }
}

/** Throws an HttpProblem for what is no question. Fields that we do not know are for others. */
async function read(request: Request) {
  if (!FORM.test(request.headers.get('content-type') ?? '')) throw badRequest('The request body is not a form.');
  const form = new URLSearchParams(await readText(request, MAX_BODY_BYTES));
  const [localId, token] = [one(form, 'sessionId'), one(form, 'authenticationToken')];
  if (!LOCAL_ID.test(localId)) throw badRequest('sessionId is not the name of a session.');
  if (token.length > MAX_TOKEN_LENGTH) throw badRequest(`authenticationToken is longer than ${MAX_TOKEN_LENGTH} characters.`);
  const [clientAddress] = ADDRESS.exec(form.get('clientAddress') ?? '') ?? [];
  return { localId, token, clientAddress };
}

function one(form: URLSearchParams, name: string): string {
  const [value, ...more] = form.getAll(name);
  if (value === undefined || value === '') throw badRequest(`${name} is missing.`);
  if (more.length > 0) throw badRequest(`${name} is given more than once.`);
  return value;
}

type Answer = { readonly response: Response; readonly known: Known } | Extract<Admission, { readonly refused: unknown }>;

/** A user whose name the DCV server could not be told is turned away. */
function sayable(admission: Admission): Answer {
  if ('refused' in admission) return admission;
  const { admitted: known } = admission;
  const response = yes(known.user);
  return response === undefined ? { refused: UNSAYABLE, known } : { response, known };
}

const UNSAYABLE = { code: 'INVALID_USER', reason: 'The user of the connection token has a name that XML cannot hold.' };

const sessionStream = ({ sessionId }: Known) => streamName('session', sessionId);
