/** One call of an operation: who asked, under which id, and what was sent along. Operations see this and nothing else of HTTP. */
import { z } from 'zod';
import type { Rejection } from '../../domain/decision.ts';
import type { Origin } from '../../domain/facts.ts';
import type { Application } from '../application.ts';
import type { Audit } from '../audit/audit.ts';
import type { Attempt } from '../once.ts';
import { applicationOf, pastOf } from '../one-owner.ts';
import type { Past } from '../replay/past.ts';
import { parseAs, parseJson, readText } from './body.ts';
import type { ApiLimits } from './limits.ts';
import { type NextTokens, tokensOf } from './next-token.ts';
import type { Refusals, Subject } from './refusals.ts';
import { badRequest } from './reply.ts';

/** What the operations work with, whoever calls. */
export interface OperationTools {
  readonly audit: Audit;
  /** Aborted when the broker ends: answers that go on have to end first. */
  readonly stopping: AbortSignal;
  readonly limits: ApiLimits;
}

/** The broker as a caller sees it. */
export interface Outlook {
  readonly application: Application;
  readonly past: Pick<Past, 'asOf'>;
  readonly tokens: NextTokens;
}

/** As somebody sees it for whom there is one owner only; null: as it is. */
export function outlookOf(owner: string | null, outlook: Outlook): Outlook {
  if (owner === null) return outlook;
  const { application, past, tokens } = outlook;
  return { application: applicationOf(owner, application), past: pastOf(owner, past), tokens: tokensOf(owner, tokens) };
}

/** Answers with the body of a 200, or with more than that; throws an HttpProblem for anything else. */
export type Operation = (call: Call) => Promise<object | Response>;

/**
 * An operation that changes something, in two steps, so that nothing is ever known of a request that cannot be read: reads the call, and throws
 * an HttpProblem where that fails; what it gives does the work and answers with the body of a 200. After a crash the work may be done again.
 */
export type Change = (call: Call) => Promise<(attempt: Attempt) => Promise<object>>;

export interface Call extends Outlook {
  readonly origin: Origin;
  /** Keeps that an item was turned down, for the audit; `origin` is that of what was carried out. */
  refused(rejection: Rejection, subject: Subject, origin: Origin): void;
  /** The body as it came, however often it is asked for. */
  text(): Promise<string>;
  /** The body as the model has it; 400 for anything else. An absent body is parsed as undefined. */
  body<Schema extends z.ZodType>(schema: Schema): Promise<z.infer<Schema>>;
  /** The items of a batch, each as the model has it; 400 for anything else, and for more items than the limit. */
  items<Schema extends z.ZodType>(schema: Schema): Promise<z.infer<Schema>[]>;
  /** The parts of the path, percent-decoded; 400 where they cannot be. */
  path(): readonly string[];
  /** Null where it is not there. `name` in small letters. */
  header(name: string): string | null;
  /** The query, each name once; 400 for a name not listed. */
  query<Name extends string>(...names: readonly Name[]): Partial<Record<Name, string>>;
}

/** What each call is made with. */
export interface CallTools extends Outlook {
  readonly limits: ApiLimits;
  readonly refusals: Refusals;
}

export function createCall(request: Request, origin: Origin, { limits, refusals, ...outlook }: CallTools): Call {
  let reading: Promise<string> | undefined;
  const text = () => {
    reading ??= readText(request, limits.bodyBytes);
    return reading;
  };
  return {
    ...outlook,
    origin,
    refused: refusals.item,
    text,
    body: async (schema) => parseAs(schema, parseJson(await text())),
    items: async (schema) => {
      const body = parseJson(await text());
      if (Array.isArray(body) && body.length > limits.batchItems) throw badRequest(`More than ${limits.batchItems} items.`);
      return parseAs(z.array(schema), body);
    },
    path: () => decodePath(request.url),
    header: (name) => request.headers.get(name),
    query: (...names) => readQuery(request.url, names),
  };
}

function decodePath(url: string): readonly string[] {
  try {
    return new URL(url).pathname.slice(1).split('/').map(decodeURIComponent);
  } catch {
    throw badRequest('The path is not percent-encoded correctly.');
  }
}

function readQuery<Name extends string>(url: string, names: readonly Name[]): Partial<Record<Name, string>> {
  const query: Partial<Record<Name, string>> = {};
  for (const [key, value] of new URL(url).searchParams) {
    const name = names.find((known) => known === key);
    if (name === undefined) throw badRequest(`Unrecognized parameter ${JSON.stringify(key)}`);
    if (query[name] !== undefined) throw badRequest(`${name}: given more than once.`);
    query[name] = value;
  }
  return query;
}
