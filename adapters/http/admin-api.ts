/** Administration over HTTP, for the access commands on the broker's own machine. No token is asked for: whoever can open the socket may do everything. */
import { type Context, Hono } from 'hono';
import type { CredentialKind } from '../../domain/access/actor.ts';
import type { DnsMapping } from '../../domain/dns/events.ts';
import type { Origin } from '../../domain/facts.ts';
import type { Random } from '../../domain/ports/clock.ts';
import type { ListedCredential } from '../../projections/access-queries.ts';
import type { Administration } from '../administration.ts';
import {
  type DnsMappingFile,
  deactivateWish,
  dnsMappingFile,
  OPERATOR_HEADER,
  registerAuthServerWish,
  registerClientWish,
  unregisterAuthServerWish,
} from '../wire/admin.ts';
import { answerProblem, parsed, problem } from './problem.ts';
import { notesOf } from './request-notes.ts';

export interface AdminApiDeps {
  readonly administration: Administration;
  readonly random: Random;
  /** Told of what ought not to happen. */
  readonly failed: (error: unknown, request: Request) => void;
}

const MAX_BODY_BYTES = 16_384;
/** With the longest names it stays below what the log takes as one fact. */
const MAX_MAPPINGS_BYTES = 900_000;
const OPERATOR = /^[\w.@$\\-]{1,64}$/;

export function createAdminApi({ administration, random, failed }: AdminApiDeps): Hono {
  const app = new Hono();
  app.onError((error, context) => answerProblem(context, error, failed));

  const originOf = ({ req }: Context): Origin => {
    const operator = req.header(OPERATOR_HEADER) ?? '';
    return {
      cause: { kind: 'operator', id: OPERATOR.test(operator) ? operator : 'unnamed' },
      requestId: notesOf(req.raw, random).requestId,
    };
  };

  for (const kind of ['api-client', 'agent-client'] as const) {
    app.get(`/${kind}s`, async (c) => c.json((await administration.list(kind)).map(presentCredential)));
    app.delete(`/${kind}s/:id`, (c) => unregister(c, kind));
  }

  async function unregister(c: Context, kind: CredentialKind): Promise<Response> {
    const id = c.req.param('id') ?? '';
    if (await administration.revoke(kind, id, originOf(c))) return c.json({});
    return problem(c, 404, 'not_registered', `There is no ${NAMES[kind]} with the id ${id}.`);
  }

  app.post('/api-clients', async (c) => {
    const wish = await parsed(c, registerClientWish, MAX_BODY_BYTES);
    if ('invalid' in wish) return problem(c, 400, 'invalid_request', wish.invalid);
    return c.json(await administration.registerApiClient(wish.value.name, originOf(c), wish.value.reach));
  });

  app.get('/software-statements', async (c) =>
    c.json((await administration.listStatements()).map(({ id, issuedAt, isActive }) => ({ id, issuedAt, active: isActive }))),
  );
  app.post('/software-statements', async (c) => c.json(await administration.issueSoftwareStatement(originOf(c))));
  app.post('/software-statements/deactivate', async (c) => {
    const wish = await parsed(c, deactivateWish, MAX_BODY_BYTES);
    if ('invalid' in wish) return problem(c, 400, 'invalid_request', wish.invalid);
    if (await administration.deactivateStatement(wish.value.statement, originOf(c))) return c.json({});
    return problem(c, 404, 'not_registered', 'There is no such software statement that is active.');
  });

  app.post('/signing-keys', async (c) => {
    await administration.renewKeys(originOf(c));
    return c.json({});
  });
  app.get('/auth-servers', (c) => c.json(administration.listAuthServers()));
  app.post('/auth-servers', async (c) => {
    const wish = await parsed(c, registerAuthServerWish, MAX_BODY_BYTES);
    if ('invalid' in wish) return problem(c, 400, 'invalid_request', wish.invalid);
    const rejection = await administration.registerAuthServer(wish.value, originOf(c));
    return rejection === undefined ? c.json({}) : problem(c, 409, rejection.code.toLowerCase(), rejection.reason);
  });
  app.post('/auth-servers/unregister', async (c) => {
    const wish = await parsed(c, unregisterAuthServerWish, MAX_BODY_BYTES);
    if ('invalid' in wish) return problem(c, 400, 'invalid_request', wish.invalid);
    if (await administration.unregisterAuthServer(wish.value.url, originOf(c))) return c.json({});
    return problem(c, 404, 'not_registered', `There is no authorization server with the URL ${wish.value.url}.`);
  });
  app.put('/dns-mappings', async (c) => {
    const wish = await parsed(c, dnsMappingFile, MAX_MAPPINGS_BYTES);
    if ('invalid' in wish) return problem(c, 400, 'invalid_request', wish.invalid);
    await administration.registerDnsMappings(wish.value.map(mappingOf), originOf(c));
    return c.json({});
  });
  app.get('/dns-mappings', async (c) => c.json((await administration.listDnsMappings()).map(presentMapping)));
  return app;
}

const presentCredential = ({ name, id, isActive, reach: { scopes, owner } }: ListedCredential): object => ({
  name,
  id,
  active: isActive,
  ...(scopes !== null && scopes.length > 0 && { scopes }),
  ...(owner !== null && { owner }),
});

const mappingOf = ({ ServerIdType, ServerId, DnsNames }: DnsMappingFile[number]): DnsMapping => ({
  serverIdType: ServerIdType,
  serverId: ServerId,
  internalDnsName: DnsNames.InternalDnsName,
  ...(DnsNames.ExternalDnsName !== undefined && { externalDnsName: DnsNames.ExternalDnsName }),
});

const presentMapping = ({ serverIdType, serverId, ...dnsNames }: DnsMapping): object => ({ serverIdType, serverId, dnsNames });

const NAMES: Readonly<Record<CredentialKind, string>> = {
  'api-client': 'API client',
  'agent-client': 'agent client',
  'software-statement': 'software statement',
};
