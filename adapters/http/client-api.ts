/**
 * The client API: everything that port 8443 answers, as one Hono application.
 *
 *     const app = createClientApi(deps);
 *     await app.request('/describeSessions', { method: 'POST', headers: { authorization: `Bearer ${token}` } });
 */
import { Hono, type MiddlewareHandler } from 'hono';
import type { Random } from '../../domain/ports/clock.ts';
import type { Application } from '../application.ts';
import type { Attempts } from '../audit/attempts.ts';
import type { Audit } from '../audit/audit.ts';
import type { Logger } from '../logging.ts';
import type { Once } from '../once.ts';
import type { Past } from '../replay/past.ts';
import { getAudit } from './audit.ts';
import type { BearerCheck } from './bearer.ts';
import { type Call, type CallTools, type Change, createCall, type Operation, type OperationTools, outlookOf } from './call.ts';
import { getSessionConnectionData } from './connection.ts';
import { demandScope } from './demands.ts';
import { createDocs, DOCS_HEADERS } from './docs.ts';
import { answerThrown } from './fault.ts';
import { getServerHistory, getSessionHistory } from './history.ts';
import { createRepeatable } from './idempotency.ts';
import { type ApiLimits, DEFAULT_LIMITS } from './limits.ts';
import { answerMetrics, type MetricsPage } from './metrics.ts';
import { createNextTokens } from './next-token.ts';
import type { TokenEndpoint } from './oauth.ts';
import { createDocument } from './openapi.ts';
import { type ChangeId, type OperationId, operations } from './operations.ts';
import { updateSessionPermissions } from './permissions.ts';
import { awaitPosition } from './position.ts';
import type { Protection } from './protection.ts';
import { answerReady, type NotReady } from './ready.ts';
import { addressOf, createRefusals, strangerAt } from './refusals.ts';
import { refuse, reply } from './reply.ts';
import { noteOperation, notesOf } from './request-notes.ts';
import { getSessionScreenshots } from './screenshots.ts';
import { closeServers, describeServers, openServers } from './servers.ts';
import { createSessions, deleteSessions, describeSessions } from './sessions.ts';

export interface ClientApiDeps {
  readonly application: Application;
  /** Answers what is asked about the past. */
  readonly past: Pick<Past, 'asOf'>;
  /** Where requests and items that are turned down are kept. */
  readonly attempts: Attempts;
  readonly audit: Audit;
  /** Aborted when the broker ends. */
  readonly stopping: AbortSignal;
  /** Remembers requests that have a key. */
  readonly once: Once;
  readonly authorize: BearerCheck;
  /** Undefined: tokens are had elsewhere. */
  readonly issueToken: TokenEndpoint | undefined;
  /** Whether programs can read here what the API is. */
  readonly servesYaml: boolean;
  readonly protection: Pick<Protection, 'perAddress' | 'perClient'>;
  /** Signs the tokens that lead from page to page: at least 32 random bytes, the same in every broker. */
  readonly nextTokenKey: Buffer;
  /** Whether requests can be served now, for load balancers. */
  readonly isHealthy: () => boolean;
  /** What keeps requests from being answered now. */
  readonly notReady: () => readonly NotReady[];
  /** Stands before everything; undefined: nobody tells what became of requests. */
  readonly watch?: MiddlewareHandler | undefined;
  /** Undefined: there is none. */
  readonly metrics?: MetricsPage | undefined;
  readonly random: Random;
  readonly log: Pick<Logger, 'error'>;
  readonly limits?: Partial<ApiLimits>;
}

type Answer = (request: Request, remoteAddress: string | undefined) => Response | Promise<Response>;

interface Route {
  readonly method: string;
  /** `:name` stands for a part of the path. */
  readonly path: string;
  readonly answer: Answer;
}

export function createClientApi(deps: ClientApiDeps): Hono {
  const app = new Hono();
  if (deps.watch !== undefined) app.use(deps.watch);
  app.use(deps.protection.perAddress);
  const routes = [...operationRoutes(deps), ...otherRoutes(deps)];
  for (const { method, path, answer } of routes) app.on(method, path, (context) => answer(context.req.raw, addressOf(context)));
  app.notFound(({ req }) => refuseUnknown(routes, req.path));
  app.onError((error, { req }) => answerThrown(error, notesOf(req.raw, deps.random).requestId, deps.log));
  return app;
}

function operationRoutes(deps: ClientApiDeps): readonly Route[] {
  const limits = { ...DEFAULT_LIMITS, ...deps.limits };
  const { application, past, audit, stopping } = deps;
  const tools: OperationTools = { audit, stopping, limits };
  const outlook = { application, past, tokens: createNextTokens(deps.nextTokenKey), limits };
  const changes: Readonly<Record<ChangeId, (tools: OperationTools) => Change>> = {
    createSessions,
    deleteSessions,
    updateSessionPermissions,
    openServers,
    closeServers,
  };
  const looks: Readonly<Record<Exclude<OperationId, ChangeId>, (tools: OperationTools) => Operation>> = {
    describeSessions,
    describeServers,
    GetSessionConnectionData: getSessionConnectionData,
    getSessionScreenshots,
    getSessionHistory,
    getServerHistory,
    getAudit,
  };
  return operations.map((operation) => {
    const serve = operation.changes ? createRepeatable(deps, changes[operation.id](tools)) : look(looks[operation.id](tools));
    const path = operation.path.replaceAll(/\{(\w+)\}/g, ':$1');
    return { method: operation.method, path, answer: answerOperation(deps, operation, serve, outlook) };
  });
}

type Serve = (call: Call, request: Request) => Promise<Response>;

const look =
  (operation: Operation): Serve =>
  async (call) => {
    const answer = await operation(call);
    return answer instanceof Response ? answer : reply(200, answer);
  };

/** The token comes first: without one, nothing of the request is looked at. */
const answerOperation = (
  deps: ClientApiDeps,
  operation: (typeof operations)[number],
  serve: Serve,
  tools: Omit<CallTools, 'refusals'>,
): Answer => {
  const { application, attempts, authorize, protection, random, log } = deps;
  return async (request, remoteAddress) => {
    const notes = notesOf(request, random);
    const { requestId: id } = notes;
    noteOperation(notes, operation.id);
    const refusals = createRefusals(attempts, { operation: operation.id, remoteAddress });
    let origin = strangerAt('client-api', id);
    try {
      const caller = await authorize(request.headers.get('authorization'));
      notes.client = caller.id;
      protection.perClient(caller.id);
      origin = { cause: { kind: 'client', id: caller.id }, requestId: id };
      demandScope(caller, operation);
      await awaitPosition(request, application);
      return await serve(createCall(request, origin, { ...tools, ...outlookOf(caller.reach.owner, tools), refusals }), request);
    } catch (error) {
      refusals.request(error, origin);
      return answerThrown(error, id, log);
    }
  };
};

function otherRoutes({ issueToken = noTokens, servesYaml, isHealthy, notReady, metrics }: ClientApiDeps): readonly Route[] {
  const document = lazily(createDocument);
  const docs = lazily(() => createDocs(document()));
  const yaml = lazily(async () => (await import('yaml')).stringify(document(), { aliasDuplicateObjects: false, lineWidth: 0 }));
  return [
    { method: 'POST', path: '/oauth2/token', answer: issueToken },
    { method: 'GET', path: '/health', answer: () => (isHealthy() ? reply(200, { status: 'ok' }) : reply(503, { status: 'unavailable' })) },
    { method: 'GET', path: '/ready', answer: () => answerReady(notReady()) },
    ...(metrics ? [{ method: 'GET', path: '/metrics', answer: (...asked: Parameters<Answer>) => answerMetrics(metrics, ...asked) }] : []),
    ...(servesYaml
      ? [{ method: 'GET', path: '/dcv-session-manager-api.yaml', answer: async () => new Response(await yaml(), { headers: YAML }) }]
      : []),
    { method: 'GET', path: '/docs', answer: async () => new Response(await docs(), { headers: DOCS_HEADERS }) },
  ];
}

/** Made when it is first asked for: a start need not wait for what hardly anybody asks. */
function lazily<T>(make: () => T): () => T {
  let made: { readonly it: T } | undefined;
  return () => {
    made ??= { it: make() };
    return made.it;
  };
}

const noTokens: TokenEndpoint = async () => refuse(404, 'This broker gives out no tokens: its authorization server is another one.');

const YAML = { 'content-type': 'application/yaml; charset=utf-8', 'x-content-type-options': 'nosniff' };

/** 405 with what the path does take, else 404. */
function refuseUnknown(routes: readonly Route[], path: string): Response {
  const allowed = routes.filter((route) => matches(route.path, path)).map(({ method }) => (method === 'GET' ? 'GET, HEAD' : method));
  if (allowed.length === 0) return refuse(404, 'There is nothing here; see /docs');
  return refuse(405, `This path takes ${allowed.join(', ')} only`, { allow: allowed.join(', ') });
}

function matches(pattern: string, path: string): boolean {
  const parts = path.split('/');
  const expected = pattern.split('/');
  return parts.length === expected.length && expected.every((part, index) => part.startsWith(':') || part === parts[index]);
}
