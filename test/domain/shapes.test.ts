/** Shapes of facts over the years: what is stored stays readable, and nobody changes a shape by accident. */
import t from 'tap';
import { type AttemptPorts, createAttempts } from '../../adapters/audit/attempts.ts';
import { openMemoryEventLog } from '../../adapters/memory/event-log.ts';
import { openSecrets } from '../../adapters/secrets/secrets.ts';
import { systemRandom } from '../../adapters/system.ts';
import { accessKind } from '../../domain/access/actor.ts';
import { type ActorPorts, createActors } from '../../domain/actors.ts';
import { authServerKind } from '../../domain/auth-server/actor.ts';
import { DNS_MAPPINGS, dnsKind } from '../../domain/dns/actor.ts';
import { LOG_START, type RecordedFact } from '../../domain/facts.ts';
import { brokerId, serverId, sessionId } from '../../domain/ids.ts';
import { sessionKind } from '../../domain/session/actor.ts';
import { lift, UPCASTERS, versionOf } from '../../domain/shapes.ts';
import { SILENT, setUpCore } from '../helpers/core.ts';
import { recordedFacts } from '../helpers/recorded-facts.ts';
import { description, ORIGIN, wish } from '../helpers/samples.ts';
import { type Shape, shapeOf } from '../helpers/shapes.ts';

const RECORDED = recordedFacts();
/** Reasons and codes are data: a new one is no new shape. */
const MAPS = new Set(['turnedDown', 'choice.turnedDown', 'codes']);

const shapes = new Map(
  RECORDED.map(({ type, version, facts }): [string, Shape] => [
    `${type} ${version}`,
    shapeOf(
      facts.map(({ data }) => data),
      MAPS,
    ),
  ]),
);

/** Why the data of a fact is not of the shape that is recorded for its type and version. */
function differenceOf({ type, schemaVersion, data }: RecordedFact): string | undefined {
  const difference = shapes.get(`${type} ${schemaVersion}`)?.differenceOf(JSON.parse(JSON.stringify(data)));
  return difference && `${type}, version ${schemaVersion}: ${difference}. ${ADVICE}`;
}

const ADVICE =
  'Facts that are stored have the shape of test/fixtures/facts: give the type an upcaster, so that it gets a new version, and record that ' +
  'version. Only a key that may be absent can come to a version that is stored, with another example.';

t.test('every version of every type of fact is recorded as it was stored', async (t) => {
  const versions = Object.entries(UPCASTERS).flatMap(([type, steps]) =>
    Array.from({ length: steps.length + 1 }, (_, index) => `${type} ${index + 1}`),
  );
  t.same([...shapes.keys()].sort(), versions.sort());
  for (const { type, version, facts } of RECORDED) {
    t.ok(facts.length > 0 && facts.every((fact) => fact.type === type && fact.schemaVersion === version), `${type} ${version}`);
  }
});

t.test('every fact that was ever stored is lifted to the newest shape of its type, and stays as it is where it is stored', async (t) => {
  for (const fact of RECORDED.flatMap(({ facts }) => facts)) {
    const stored = JSON.stringify(fact);
    const { data, schemaVersion, ...envelope } = lift(fact);
    t.equal(schemaVersion, versionOf(fact.type));
    t.equal(differenceOf({ ...envelope, data, schemaVersion }), undefined);
    const { data: _, schemaVersion: __, ...before } = fact;
    t.same(envelope, before);
    t.equal(JSON.stringify(fact), stored);
  }
});

t.test('why a session was placed has a name of its own, whenever it was recorded', async (t) => {
  const lifted = RECORDED.filter(({ type, version }) => type === 'session.placed' && version === 1).flatMap(({ facts }) => facts.map(lift));
  t.match(
    lifted.map(({ data }) => data),
    [
      { serverId: 'aG9zdC0x', attempt: 1, choice: null },
      {
        choice: { policy: 'least-loaded', candidates: ['aG9zdC0x', 'aG9zdC0y'], considered: 3, turnedDown: { SERVER_FULL: 1 }, failed: [] },
      },
      { attempt: 2, choice: { failed: ['aG9zdC0x'] } },
    ],
  );
});

t.test('whatever a broker records has the shape that is recorded for its type', async (t) => {
  const broker = await setUpCore(t);
  await liveThroughEverything(broker);
  const log = openMemoryEventLog();
  await placeAnew({ log, clock: broker.clock, random: systemRandom });
  await giveAndTakeCredentials({ log, clock: broker.clock, random: systemRandom });
  const ports = { log, clock: broker.clock, random: systemRandom, logger: SILENT, fatal: (error: Error) => t.error(error) };
  await (await openSecrets(ports, { dataDir: t.testdir(), clusterKeyFile: undefined })).close();
  await turnDown({ ...ports, self: brokerId('here') });
  const facts = [...broker.store.facts, ...(await log.readAll(LOG_START, 500))];
  for (const fact of facts) {
    t.equal(fact.schemaVersion, versionOf(fact.type), fact.type);
    t.equal(differenceOf(fact), undefined);
  }
  t.same([...new Set(facts.map(({ type }) => type))].sort(), Object.keys(UPCASTERS).sort(), 'and every type was there');
});

t.test('a changed shape is noticed, whatever has changed about it', async (t) => {
  const shape = shapeOf(
    [
      { a: 1, list: [{ b: 'x' }], map: { free: 1 } },
      { a: 2, list: [], map: {}, later: null },
    ],
    new Set(['map']),
  );
  for (const same of [
    { a: 1, list: [], map: {} },
    { a: 3, list: [{ b: '' }, { b: 'y' }], map: { other: 2 }, later: null },
  ]) {
    t.equal(shape.differenceOf(same), undefined);
  }
  t.equal(shape.differenceOf({ a: 1, list: [], map: {}, extra: 1 }), 'the data has a new key, "extra"');
  t.equal(shape.differenceOf({ list: [], map: {} }), 'the data lacks the key "a"');
  t.equal(shape.differenceOf({ a: '1', list: [], map: {} }), '"a" is of the kind string, and was number');
  t.equal(shape.differenceOf({ a: 1, list: [{ b: 'x', c: 1 }], map: {} }), '"list[]" has a new key, "c"');
  t.equal(shape.differenceOf({ a: 1, list: [{}], map: {} }), '"list[]" lacks the key "b"');
  t.equal(shape.differenceOf({ a: 1, list: [null], map: {} }), '"list[]" is of the kind null, and was object');
  t.equal(shape.differenceOf({ a: 1, list: [], map: { other: 'two' } }), '"map.*" is of the kind string, and was number');
});

/** Every type of fact once at least, by way of what brokers do. */
async function liveThroughEverything(broker: Awaited<ReturnType<typeof setUpCore>>): Promise<void> {
  const { core, clock } = broker;
  const { application } = core;
  await broker.create();
  await broker.greet('A');
  await broker.greet('B', {
    description: description({ hostname: 'B', tags: [] }),
    healthy: false,
    healthReason: 'No.',
    loggedInUsers: ['ann'],
  });
  const { id } = (await broker.create({ permissionsFile: 'YQ==' })) as { readonly id: string };
  const one = sessionId(id);
  await broker.report('B', { kind: 'health-changed', healthy: true }, { kind: 'logged-in-users-changed', users: [] });
  await broker.report('A', { kind: 'session-failed', sessionId: one, attempt: 1, reason: 'Not here.' });
  await broker.report('B', { kind: 'session-started', sessionId: one, attempt: 2 });
  await broker.report('B', { kind: 'connections-changed', sessionId: one, count: 1 });
  await broker.report('B', { kind: 'connections-changed', sessionId: one, count: 0, lastDisconnectionTime: clock.now() });
  await application.updateSessionPermissions([{ sessionId: id, owner: 'ann', permissionsFile: 'Yg==' }], ORIGIN);
  await application.deleteSessions([{ sessionId: id, owner: 'ann', force: false }], ORIGIN);
  await broker.report('B', { kind: 'session-ended', sessionId: one, reason: 'Closed.' });
  const spec = { name: 'console', owner: 'ann', sessionType: 'CONSOLE' } as const;
  const session = { sessionId: sessionId('console'), localId: 'console', attempt: 0, spec, creationTime: 1, connections: 0 };
  await broker.report('B', { kind: 'session-found', session });
  await application.closeServers([{ serverId: 'A', force: true }], ORIGIN);
  await application.openServers([{ serverId: 'A' }], ORIGIN);
  core.reception.lost(serverId('A'), 'It is silent.');
  await broker.settle();
  await broker.greet('A');
  core.reception.lost(serverId('A'), 'It is silent.');
  await broker.pass(2_000_000);
  const keyed = { clientId: 'ann', key: 'one', operation: 'deleteSessions', fingerprint: 'a' };
  await core.once(keyed, ORIGIN, async () => ({ status: 200, body: '{}' }));
  await core.join({ host: 'here', url: 'https://here:8445' });
  await broker.restart();
}

/** What only brokers do that are slow, or not alone. */
async function placeAnew(ports: ActorPorts): Promise<void> {
  const sessions = createActors(sessionKind, ports);
  const commands = [
    { type: 'request', spec: wish() },
    { type: 'acknowledge' },
    { type: 'queue' },
    { type: 'restart-placement', round: 0 },
  ] as const;
  for (const command of commands) await sessions.execute('waits', command, ORIGIN);
}

/** The second is one too many. */
async function turnDown(ports: AttemptPorts): Promise<void> {
  const none = { burst: 1, perMinute: 0 };
  const allowance = { each: none, all: none, sources: 1 };
  const attempts = createAttempts(ports, { known: allowance, strangers: allowance, logins: allowance, waiting: 10, countingMs: 1000 });
  const attempt = { operation: 'deleteSessions', status: 200, code: 'OWNER_MISMATCH', reason: 'No.', target: 'session-1', owner: 'ann' };
  for (const _ of [1, 2]) attempts.refused(attempt, ORIGIN);
  attempts.accepted({ operation: 'a path', user: 'ann', target: 'session-1' }, ORIGIN);
  await attempts.stop();
}

async function giveAndTakeCredentials(ports: ActorPorts): Promise<void> {
  const grants = [
    [
      'api-client',
      { type: 'api-client.registered', data: { name: 'x', passwordHash: 'y', scopes: null, owner: null } },
      { type: 'api-client.unregistered', data: {} },
    ],
    [
      'software-statement',
      { type: 'software-statement.issued', data: { statementHash: 'y' } },
      { type: 'software-statement.deactivated', data: {} },
    ],
    [
      'agent-client',
      { type: 'agent-client.registered', data: { name: 'x', secretHash: 'y', statementId: 'z' } },
      { type: 'agent-client.unregistered', data: {} },
    ],
  ] as const;
  const mapping = { serverIdType: 'Ip', serverId: '10.0.0.4', internalDnsName: 'a.internal', externalDnsName: 'a.example.com' } as const;
  await createActors(dnsKind, ports).execute(DNS_MAPPINGS, { type: 'register', mappings: [mapping] }, ORIGIN);
  const servers = createActors(authServerKind, ports);
  await servers.execute('one', { type: 'register', server: { url: 'https://a/.well-known/jwks.json', issuer: 'https://a' } }, ORIGIN);
  await servers.execute('one', { type: 'unregister' }, ORIGIN);
  for (const [kind, granted, revoked] of grants) {
    const credentials = createActors(accessKind(kind), ports);
    await credentials.execute('one', { type: 'grant', event: granted }, ORIGIN);
    await credentials.execute('one', { type: 'revoke', event: revoked }, ORIGIN);
  }
}
