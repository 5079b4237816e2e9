/** A DCV server's questions about connection tokens, over TLS, against the verifier with real actors and keys behind it. */
import { createHmac, createPublicKey } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { decodeJwt, type JWTPayload, SignJWT, UnsecuredJWT } from 'jose';
import t, { type Test } from 'tap';
import { createAdmission } from '../../../adapters/admission.ts';
import { serveHttps } from '../../../adapters/http/serve.ts';
import { createVerifier } from '../../../adapters/http/verifier.ts';
import { openMemoryEventLog } from '../../../adapters/memory/event-log.ts';
import { systemRandom } from '../../../adapters/system.ts';
import { createTokens } from '../../../adapters/tokens.ts';
import { createActors } from '../../../domain/actors.ts';
import type { Login, RefusedAttempt } from '../../../domain/attempt/events.ts';
import { serverId, sessionId } from '../../../domain/ids.ts';
import { createFleet } from '../../../domain/placement/fleet.ts';
import { type EventLog, LogFault } from '../../../domain/ports/event-log.ts';
import { sessionKind } from '../../../domain/session/actor.ts';
import { certificatesIn } from '../../helpers/certificates.ts';
import { found } from '../../helpers/core.ts';
import { ask, type DcvServer, fields } from '../../helpers/dcv-server.ts';
import { BROKER, description, ORIGIN, wish } from '../../helpers/samples.ts';
import { newSigningKeys } from '../../helpers/signing-keys.ts';
import { createSimulatedClock } from '../../helpers/simulated-clock.ts';

const keys = newSigningKeys();
const [LEFT, RIGHT] = [serverId('host-left'), serverId('host-right')];
/** Where the two hosts ask from. */
const [LEFT_ADDRESS, RIGHT_ADDRESS, ROUTER] = ['127.0.0.2', '127.0.0.3', '127.0.0.9'];
const READY = 'a-session';
const NO = { status: 200, type: 'text/xml; charset=utf-8', text: '<auth result="no"><message>Authentication failed</message></auth>' };
const yes = (user: string) => ({ ...NO, text: `<auth result="yes"><username>${user}</username></auth>` });

async function setUp(t: Test, wrap: (log: EventLog) => EventLog = (log) => log) {
  const clock = createSimulatedClock();
  const log = wrap(openMemoryEventLog());
  const sessions = createActors(sessionKind, { log, clock, random: systemRandom });
  const fleet = createFleet();
  const tokens = createTokens(keys);
  const told: { readonly refused: RefusedAttempt[]; readonly accepted: Login[]; readonly failures: unknown[] } = {
    refused: [],
    accepted: [],
    failures: [],
  };
  fleet.load(
    [LEFT, RIGHT].map((id) => ({
      id,
      revision: 1,
      broker: BROKER,
      description: description({ ip: id === LEFT ? LEFT_ADDRESS : '10.9.9.9', endpoints: endpointsOf(id) }),
      open: true,
      reachable: true,
      healthy: true,
      loggedInUsers: [],
      slots: [],
    })),
  );
  await sessions.execute(READY, { type: 'request', spec: wish() }, ORIGIN);
  await sessions.execute(READY, { type: 'place', serverId: LEFT, attempt: 1 }, ORIGIN);
  await sessions.execute(READY, { type: 'report-started', serverId: LEFT, attempt: 1 }, ORIGIN);
  const app = createVerifier({
    admit: createAdmission({ tokens, sessions, fleet, now: clock.now }),
    attempts: { refused: (attempt) => void told.refused.push(attempt), accepted: (login) => void told.accepted.push(login) },
    random: systemRandom,
    failed: (error) => void told.failures.push(error),
  });
  const certificates = await certificatesIn(t.testdir());
  const serving = await serveHttps(app, { host: '127.0.0.1', port: 0, ...certificates });
  t.teardown(serving.close);
  const server: DcvServer = { port: serving.port, ca: await readFile(certificates.caFile, 'utf8') };
  const { creationTime } = (await sessions.look(READY)).context;
  return {
    ...told,
    clock,
    sessions,
    server,
    tokens,
    /** Forged ones are variations of its claims. */
    issue: (id = READY, user = 'ann', born = creationTime) =>
      tokens.issueConnectionToken({ sessionId: id, creationTime: born, user, lifetimeMinutes: 60 }, clock.now()),
    codes: () => told.refused.map(({ code }) => code),
  };
}

const endpointsOf = (id: typeof LEFT) => [
  { ipAddress: id === LEFT ? '10.9.9.8' : RIGHT_ADDRESS, port: 8443, protocol: 'HTTP' as const, webUrlPath: '/' },
];

t.test('the right token lets its user in, and says so in the words of the original', async (t) => {
  const { server, issue, accepted, refused } = await setUp(t);
  t.match(await ask(server, fields(READY, await issue())), yes('ann'));
  t.match(await ask(server, fields(READY, await issue())), yes('ann'), 'a token is good for every connection in its lifetime');
  t.match(accepted, [
    {
      operation: '/agent/validate-authentication-token',
      user: 'ann',
      target: `session-${READY}`,
      remoteAddress: '127.0.0.1',
      clientAddress: '192.0.2.7',
    },
    {},
  ]);
  t.same(refused, []);
});

t.test('a token is the key of one user to one session for one lifetime', async (t) => {
  const { server, issue, clock, sessions, codes, refused } = await setUp(t);
  await sessions.execute('other', { type: 'report-found', serverId: RIGHT, found: found('other') }, ORIGIN);
  const [token, othersToken] = [await issue(), await issue(READY, 'DOMAIN\\bob')];
  t.match(await ask(server, fields('other', token)), NO, 'not into another session');
  t.match(await ask(server, fields('unknown', token)), NO);
  t.match(await ask(server, fields(READY, await issue('unknown'))), NO, 'not into one that never was');
  t.match(await ask(server, fields(READY, othersToken)), yes('DOMAIN\\bob'), 'and as nobody else');
  await clock.advance(3_600_000, async () => undefined);
  t.match(await ask(server, fields(READY, token)), NO);
  t.same(codes(), ['OTHER_SESSION', 'OTHER_SESSION', 'SESSION_CLOSED', 'EXPIRED_TOKEN']);
  t.match(refused[0], { user: 'ann', target: `session-${READY}`, status: 200, clientAddress: '192.0.2.7', remoteAddress: '127.0.0.1' });
  t.match(refused[3], { user: undefined, target: `session-${READY}` }, 'whose it was is not known of a token that is not good');
});

t.test('forged tokens are refused, whatever they are made of', async (t) => {
  const { server, issue, tokens, clock, codes, failures } = await setUp(t);
  const token = await issue();
  const claims = decodeJwt(token);
  const [head = '', payload = '', signature = ''] = token.split('.');
  const publicPem = createPublicKey(keys.current.privateKey).export({ format: 'pem', type: 'spki' }).toString();
  const signed = (changes: Partial<Record<keyof JWTPayload, unknown>>, header = {}) => {
    const jwt = new SignJWT({ ...claims, ...changes } as JWTPayload);
    return jwt.setProtectedHeader({ alg: 'RS256', kid: keys.current.kid, ...header }).sign(keys.current.privateKey);
  };
  const hmacHead = encoded({ alg: 'HS256', typ: 'JWT', kid: keys.current.kid });
  const forgeries = {
    'an altered signature': [head, payload, `${signature[0] === 'A' ? 'B' : 'A'}${signature.slice(1)}`].join('.'),
    'no signature': [head, payload, ''].join('.'),
    'an altered user': [head, encoded({ ...claims, sub: 'root' }), signature].join('.'),
    'alg none': new UnsecuredJWT(claims).encode(),
    'alg none under the name of our key': [encoded({ alg: 'none', kid: keys.current.kid }), payload, ''].join('.'),
    'our public key as the secret of an HMAC': [
      hmacHead,
      payload,
      createHmac('sha256', publicPem).update(`${hmacHead}.${payload}`).digest('base64url'),
    ].join('.'),
    'another key': await createTokens(newSigningKeys()).issueConnectionToken(
      { sessionId: READY, creationTime: 0, user: 'ann', lifetimeMinutes: 60 },
      clock.now(),
    ),
    'an access token for the API': await tokens.issueAccessToken({ clientId: 'ann', audience: 'api', lifetimeSeconds: 3600 }, clock.now()),
    'an access token of an agent': await tokens.issueAccessToken(
      { clientId: 'ann', audience: 'agent', lifetimeSeconds: 3600 },
      clock.now(),
    ),
    'no session': await signed({ sid: undefined }),
    'no end': await signed({ exp: undefined }),
    'a key that is asked for in a header': await signed({}, { jku: 'https://127.0.0.1/keys', kid: '../../etc/passwd' }),
    'no JWT': 'x',
    '10,000 characters': 'a'.repeat(10_000),
    'more than 10,000 characters': 'a'.repeat(10_001),
  };
  for (const [name, forged] of Object.entries(forgeries)) t.match(await ask(server, fields(READY, forged)), NO, name);
  const names = Object.keys(forgeries);
  t.same(codes(), [...names.slice(1).map(() => 'INVALID_TOKEN'), 'INVALID_REQUEST']);
  t.match(await ask(server, fields(READY, token)), yes('ann'), 'the one they were made of is still good');
  t.same(failures, []);
});

const encoded = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');

t.test('a session that is over, or is being closed, is not entered any more', async (t) => {
  const { server, issue, sessions } = await setUp(t);
  const token = await issue();
  await sessions.execute(READY, { type: 'delete', owner: 'ann', force: false }, ORIGIN);
  t.match(await ask(server, fields(READY, token)), NO);
  await sessions.execute(READY, { type: 'report-ended', serverId: LEFT, reason: 'closed' }, ORIGIN);
  t.match(await ask(server, fields(READY, token)), NO);
});

t.test('sessions that were made by hand and have one name are told apart by the host that asks, where it can be known', async (t) => {
  const { server, issue, sessions, codes } = await setUp(t);
  const console = { ...found('console'), creationTime: 5 };
  const elsewhere = 'console.hostright';
  await sessions.execute('console', { type: 'report-found', serverId: LEFT, found: console }, ORIGIN);
  await sessions.execute(
    elsewhere,
    { type: 'report-found', serverId: RIGHT, found: { ...console, sessionId: sessionId(elsewhere) } },
    ORIGIN,
  );
  const from = (address: string): DcvServer => ({ ...server, address });
  const [left, right] = [fields('console', await issue('console', 'ann', 5)), fields('console', await issue(elsewhere, 'bob', 5))];
  t.match(await ask(from(LEFT_ADDRESS), left), yes('ann'));
  t.match(await ask(from(RIGHT_ADDRESS), right), yes('bob'), 'a host is known by any address it gives, and asks by the name it knows');
  t.match(await ask(from(RIGHT_ADDRESS), left), NO, 'the key to the one console does not open the other');
  t.match(await ask(from(LEFT_ADDRESS), right), NO);
  t.match(await ask(from(ROUTER), left), yes('ann'), 'behind a router nobody can tell');
  t.match(await ask(from(RIGHT_ADDRESS), fields(READY, await issue())), yes('ann'), 'our own names need no telling apart');
  t.match(await ask(from(LEFT_ADDRESS), fields(elsewhere, await issue(elsewhere, 'bob', 5))), NO, 'nobody is called so on a host');
  t.same(codes(), ['OTHER_HOST', 'OTHER_HOST', 'OTHER_SESSION']);
});

t.test('a session that was made by hand after another of its name is another one', async (t) => {
  const { server, issue, sessions, codes } = await setUp(t);
  await sessions.execute('desk', { type: 'report-found', serverId: LEFT, found: { ...found('desk'), creationTime: 5 } }, ORIGIN);
  const token = await issue('desk', 'ann', 5);
  t.match(await ask(server, fields('desk', token)), yes('ann'));
  await sessions.execute('desk', { type: 'report-found', serverId: LEFT, found: { ...found('desk'), creationTime: 6 } }, ORIGIN);
  t.match(await ask(server, fields('desk', token)), NO);
  t.match(await ask(server, fields('desk', await issue('desk', 'ann', 6))), yes('ann'));
  t.same(codes(), ['SESSION_REPLACED']);
});

t.test('what stands in the name of a user is told as the name and as nothing else', async (t) => {
  const { server, issue, codes } = await setUp(t);
  const names = {
    '<username>root</username>&': '&#60;username&#62;root&#60;/username&#62;&#38;',
    ']]>"\'': ']]&#62;&#34;&#39;',
    'a\r\nb\tc': 'a&#13;&#10;b&#9;c',
    'Jörg 日本 👤': 'Jörg 日本 👤',
  };
  for (const [user, told] of Object.entries(names)) t.match(await ask(server, fields(READY, await issue(READY, user))), yes(told), user);
  for (const user of ['\u0000', 'a\u0001b', '\uFFFE', '\uD800', '']) {
    t.match(await ask(server, fields(READY, await issue(READY, user))), NO, JSON.stringify(user));
  }
  t.same(new Set(codes()), new Set(['INVALID_USER']));
});

t.test('a question in any other form is answered with no, and is told to the audit without what it held', async (t) => {
  const { server, issue, refused, codes, failures } = await setUp(t);
  const token = await issue();
  const good = fields(READY, token);
  const bad = {
    'no fields': '',
    'no token': `sessionId=${READY}`,
    'an empty token': fields(READY, ''),
    'no session': `authenticationToken=${token}`,
    'XML for a session': fields('</message><x/>', token),
    'a session beyond all names': fields('s'.repeat(101), token),
    'two sessions': `${good}&sessionId=other`,
    'two tokens': `${good}&authenticationToken=${token}`,
    'no UTF-8': `sessionId=%ff&authenticationToken=${token}`,
    'a body beyond all measure': `${good}&more=${'x'.repeat(100_000)}`,
  };
  for (const [name, body] of Object.entries(bad)) t.match(await ask(server, body), NO, name);
  t.match(await ask(server, good, { contentType: 'application/json' }), NO);
  t.match(await ask(server, good, { contentType: null }), NO);
  t.match(await ask(server, `${good}&more=${'x'.repeat(100_000)}`, { chunked: true }), NO);
  t.same(new Set(codes()), new Set(['INVALID_REQUEST', 'TOO_LARGE']));
  t.notMatch(JSON.stringify(refused), token);
  t.notMatch(JSON.stringify(refused), '<');
  t.same(failures, []);
});

t.test('a question is understood however a client writes it', async (t) => {
  const { server, issue, accepted } = await setUp(t);
  const token = await issue();
  const good = fields(READY, token);
  t.match(await ask(server, good, { expectContinue: true }), yes('ann'));
  t.match(await ask(server, good, { chunked: true }), yes('ann'));
  t.match(await ask(server, good, { contentType: 'Application/X-WWW-Form-Urlencoded; charset=UTF-8' }), yes('ann'));
  t.match(await ask(server, `${good}&transport=quic&clientAddress=x`), yes('ann'), 'fields that we do not know are passed over');
  t.match(
    await ask(server, `sessionId=${READY}&authenticationToken=${token}`),
    yes('ann'),
    'where the user is is nothing that it hangs on',
  );
  t.match(await ask(server, fields(READY, token, '<script>')), yes('ann'));
  t.same(
    accepted.map(({ clientAddress }) => clientAddress),
    ['192.0.2.7', '192.0.2.7', '192.0.2.7', '192.0.2.7', undefined, undefined],
  );
});

t.test('only a POST is a question', async (t) => {
  const { server, issue, refused } = await setUp(t);
  const good = fields(READY, await issue());
  for (const method of ['GET', 'PUT', 'DELETE']) t.match(await ask(server, good, { method }), { ...NO, status: 405 }, method);
  t.same(refused, []);
});

t.test('a log that cannot be asked lets nobody in', async (t) => {
  let fault: Error | undefined;
  const { server, issue, refused, failures } = await setUp(t, (log) => ({
    ...log,
    readStream: async (...parameters) => {
      if (fault !== undefined) throw fault;
      return log.readStream(...parameters);
    },
  }));
  const question = fields('elsewhere', await issue('elsewhere'));
  fault = new LogFault('gone');
  t.match(await ask(server, question), { ...NO, status: 503 });
  t.same(failures, []);
  fault = new Error('a bug');
  t.match(await ask(server, question), { ...NO, status: 500 });
  t.same(failures, [fault]);
  t.same(refused, [], 'it is nobody who was refused');
});
