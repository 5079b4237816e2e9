/**
 * A hundred thousand requests that are wrong, over every route of all doors, against a broker that runs as an operator runs it: none is answered with a fault,
 * in another shape than was promised, or not at all, and the broker is as well afterwards as before. `BERTH_SEED` makes other ones, `BERTH_ATTACKS` more or fewer.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import t, { type Test } from 'tap';
import { operations } from '../../adapters/http/operations.ts';
import { BERTH, runModule } from '../helpers/berth-process.ts';
import { SEED } from '../helpers/seed.ts';
import { type Ammunition, type Attack, attacks, nameOf } from './attacks.ts';
import { type Ground, prepareGround } from './ground.ts';
import { faultsOf } from './judging.ts';
import { type Line, openLine } from './line.ts';
import { type AttackedRoute, type DoorName, pathsInSources, routesOf } from './routes.ts';
import type { Vocabulary } from './shapes.ts';
import { vitalsOf } from './vitals.ts';

const COUNT = Number(process.env['BERTH_ATTACKS'] ?? 100_000);
/** Before memory is looked at for the first time. */
const WARM_UP = Math.ceil(COUNT / 5);
const CALLERS = 24;
/** In which every attack has to be answered, or hung up on. */
const PATIENCE_MS = 15_000;
/** By which a broker may have grown, when everything has settled. */
const MAX_GROWTH_BYTES = 100 * 2 ** 20;
/** What its objects may take: one that keeps what it is sent ends, and is found dead. */
const HEAP_MB = 192;
/** Of refusals, for strangers and for known clients, what is recorded at once and in a minute (adapters/audit/attempts.ts). */
const MAX_RECORDED = { burst: 600 + 5000, perMinute: 60 + 300 };

t.test(`malformed requests do no harm (seed ${SEED})`, { timeout: 600_000 }, async (t) => {
  const routes = await routesOf(t);
  for (const path of pathsInSources())
    t.ok(
      routes.some((route) => route.path === path),
      `${path} is attacked`,
    );
  const ground = await prepareGround(t, {
    bare: true,
    agents: 2,
    flags: ['--log-level', 'info'],
    env: { BERTH_MAX_API_REQUESTS_PER_SECOND: '1000000', NODE_OPTIONS: `--max-old-space-size=${HEAP_MB}` },
  });
  const { broker } = ground;
  const pid = Number(broker.process.child.pid);
  const ammunition = await ammunitionOf(ground, routes);
  const startedAt = Date.now();
  const tally = createTally(ground.secrets);

  await shoot(ground, attacks(ammunition, { seed: SEED, count: WARM_UP }), tally);
  const before = await settled(pid);
  await shoot(ground, attacks(ammunition, { seed: SEED + WARM_UP, count: COUNT - WARM_UP }), tally);
  const after = await settled(pid);
  const minutes = (Date.now() - startedAt) / 60_000;

  t.comment(
    `${tally.summary(minutes)}\nprocessor seconds: broker ${after.processorSeconds}, attacker ${(process.cpuUsage().user + process.cpuUsage().system) / 1e6}`,
  );
  t.strictSame(tally.faults(), [], 'every attack was answered as promised, or hung up on');
  t.equal(tally.count(), COUNT);
  for (const route of routes) t.ok(tally.answered(nameOf(route)) > 0, `${nameOf(route)} was asked`);
  for (const { method, path } of operations) {
    const name = `client ${method} ${path.replaceAll(/\{(\w+)\}/g, ':$1')}`;
    t.ok(tally.succeeded(name) > 0, `some requests for ${name} were right`);
  }
  t.equal(after.startedAt, before.startedAt, 'it is the same process');
  const growth = after.resident - before.resident;
  t.ok(growth < MAX_GROWTH_BYTES, `it grew by ${Math.round(growth / 2 ** 20)} MB`);
  t.ok(after.handles <= before.handles + 5, `${before.handles} files and sockets were open, and ${after.handles} are`);
  t.notMatch(broker.process.stderr(), /"level":"(?:error|fatal)"/, 'nothing went wrong inside');
  await works(t, ground);
  await recordedWithinBounds(t, ground, minutes);
});

/** What a caller knows who knows everything: ids of what there is, and tokens of every kind. */
async function ammunitionOf({ broker, tokens, agentClient, connectAgent }: Ground, routes: readonly AttackedRoute[]): Promise<Ammunition> {
  const created = await broker.client.createSessions([
    { Name: 'desk', Owner: 'ann', Type: 'VIRTUAL' },
    { Name: 'desk', Owner: 'bob', Type: 'VIRTUAL' },
  ]);
  const sessions = (created.SuccessfulList ?? []).map(({ Id }) => String(Id));
  const servers = (await broker.client.describeServers()).map(({ Id }) => String(Id));
  const issue = (audience: 'api' | 'agent' | 'broker', clientId: string) =>
    tokens.issueAccessToken({ audience, clientId, lifetimeSeconds: 36_000 }, Date.now());
  const [api, agent, peer] = [
    await issue('api', broker.connection.clientId),
    await issue('agent', agentClient.id),
    await issue('broker', 'another'),
  ];
  const page = (await broker.client.call('GET', '/audit?MaxResults=1')) as { NextToken: string };
  const connection = await tokens.issueConnectionToken(
    { sessionId: sessions[0] ?? '', creationTime: 0, user: 'ann', lifetimeMinutes: 600 },
    Date.now(),
  );
  const connectionId = await connectAgent('YXR0YWNrZXI');
  const some = (...values: readonly unknown[]) => fc.constantFrom(...values);
  const words: Vocabulary = {
    sessionid: some(...sessions, 'nobody', 'console'),
    sessionids: fc.subarray([...sessions, 'nobody']),
    serverid: some(...servers, 'c2VydmVyLTE', 'c2VydmVyLTI'),
    serverids: fc.subarray([...servers, 'nobody']),
    owner: some('ann', 'bob'),
    user: some('ann', 'bob', 'DOMAIN\\carl'),
    type: some('VIRTUAL', 'CONSOLE'),
    requirements: some(
      "tag:color = 'pink'",
      "server:CpuInfo.NumberOfCpus >= 2 and not tag:a = 'b'",
      "(server:Host.Os.Family = 'linux'",
      "or or ''",
      '((((((((((1 = 1',
      `${'('.repeat(3000)}`,
      `${"tag:a = 'b' and ".repeat(400)}tag:a = 'b'`,
    ),
    enqueuerequest: some(false),
    permissionsfile: some('W3Blcm1pc3Npb25zXQolb3duZXIlIGFsbG93IGJ1aWx0aW4K', 'AAAA', '!'),
    nexttoken: some(null, page.NextToken, page.NextToken.slice(0, -3), page.NextToken.split('.').reverse().join('.')),
    asof: some(null, null, 'yesterday', -1, 1.5, {}, '2026-13-45', '9'.repeat(30)),
    maxresults: some(1, 10, 1000, 0, -1, 1001),
    connectionid: some(connectionId, connectionId, connectionId, 'none'),
    localid: some(...sessions, 'desk'),
    lastdisconnectiontime: some(undefined, 1, 253_402_300_799_999),
    creationtime: some(0, 1_700_000_000_000, 253_402_300_799_999),
    authenticationtoken: some(connection, `${connection.slice(0, -4)}AAAA`, 'x'),
    client_id: some(agentClient.id, '11111111-1111-4111-8111-111111111111'),
    client_secret: some(agentClient.secret, 'wrong'),
    software_statement: some('e30=', 'wrong'),
  };
  return {
    routes,
    words,
    authorization: ({ door, path }) =>
      door === 'client'
        ? `Bearer ${api}`
        : path.startsWith('/brokers/')
          ? `Bearer ${peer}`
          : path.startsWith('/agent/')
            ? `Bearer ${agent}`
            : undefined,
  };
}

/** Fires everything, by so many callers at a time, each of whom keeps a connection to each door for as long as it lasts. */
async function shoot({ doors }: Ground, all: Generator<Attack>, tally: Tally): Promise<void> {
  async function fire(): Promise<void> {
    const line = (door: DoorName): Line => openLine(doors[door], PATIENCE_MS);
    const lines: Readonly<Record<DoorName, Line>> = { client: line('client'), agent: line('agent'), gateway: line('gateway') };
    for (let next = all.next(); next.done !== true; next = all.next()) {
      const { door, bytes, isLast, method } = next.value;
      tally.add(next.value, await lines[door].say({ bytes, isLast, isHead: method === 'HEAD' }));
    }
    for (const { close } of Object.values(lines)) close();
  }
  await Promise.all(Array.from({ length: CALLERS }, fire));
}

interface Tally {
  add(attack: Attack, outcome: Awaited<ReturnType<Line['say']>>): void;
  count(): number;
  faults(): readonly string[];
  answered(name: string): number;
  succeeded(name: string): number;
  summary(minutes: number): string;
}

/** Tokens are long, and good for nothing when the broker is gone. */
const shown = ({ bytes }: Attack): string =>
  bytes
    .toString('latin1')
    .replace(/^authorization: .{40,}$/m, 'authorization: …')
    .slice(0, SHOWN_LENGTH);

const SHOWN_LENGTH = 700;
/** One of each kind says enough. */
const FAULTS_TOLD = 20;

function createTally(secrets: readonly string[]): Tally {
  const faults = new Map<string, string>();
  const statuses = new Map<string, Map<number, number>>();
  let count = 0;
  let slowest = 0;
  return {
    add(attack, outcome) {
      count += 1;
      slowest = Math.max(slowest, outcome.ms);
      const of = statuses.get(attack.name) ?? new Map<number, number>();
      statuses.set(attack.name, of);
      for (const { status } of outcome.heard) of.set(status, (of.get(status) ?? 0) + 1);
      for (const fault of faultsOf(attack, outcome, secrets)) {
        const [kind] = fault.split(': ');
        faults.set(`${attack.name}: ${kind}`, `${fault}\n${shown(attack)}`);
      }
    },
    count: () => count,
    faults: () => [...faults].slice(0, FAULTS_TOLD).map(([name, fault]) => `${name}: ${fault}`),
    answered: (name) => [...(statuses.get(name)?.values() ?? [])].reduce((sum, times) => sum + times, 0),
    succeeded: (name) => statuses.get(name)?.get(200) ?? 0,
    summary(minutes) {
      const lines = [...statuses].map(
        ([name, of]) =>
          `${name}: ${[...of]
            .sort()
            .map(([status, times]) => `${status} × ${times}`)
            .join(', ')}`,
      );
      return [
        `${count} attacks in ${Math.round(minutes * 60)} s, the slowest answer after ${Math.round(slowest)} ms`,
        ...lines.sort(),
      ].join('\n');
    },
  };
}

/** When sockets are closed, agents without a connection are given up, and garbage is collected. */
async function settled(pid: number) {
  await sleep(SETTLING_MS);
  return vitalsOf(pid);
}

const SETTLING_MS = 3000;

async function works(t: Test, { broker }: Ground): Promise<void> {
  const { SuccessfulList } = await broker.client.createSessions([{ Name: 'last', Owner: 'ann', Type: 'VIRTUAL' }]);
  const id = String(SuccessfulList?.[0]?.Id);
  let state: string | null | undefined;
  for (let round = 0; round < 200 && state !== 'READY'; round++) {
    state = (await broker.client.describeSessions({ SessionIds: [id] }))[0]?.State;
    await sleep(50);
  }
  t.equal(state, 'READY', 'a session is still made');
  await broker.kill('SIGTERM');
  t.equal(await broker.process.ended, 0, 'it ends in order');
  const verify = runModule(t, BERTH, ['audit', 'verify', '--data-dir', broker.dataDir], { bare: true });
  t.equal(await verify.ended, 0, verify.stdout());
}

async function recordedWithinBounds(t: Test, { broker }: Ground, minutes: number): Promise<void> {
  const audit = runModule(t, BERTH, ['audit', '--type', 'attempt.', '--json', '--data-dir', broker.dataDir], { bare: true });
  t.equal(await audit.ended, 0);
  const types = audit
    .stdout()
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => (JSON.parse(line) as { Type: string }).Type);
  const refused = types.filter((type) => type === 'attempt.refused').length;
  const most = MAX_RECORDED.burst + Math.ceil(minutes + 1) * MAX_RECORDED.perMinute;
  t.ok(refused > 100 && refused <= most, `${refused} refusals are recorded, and ${most} may be`);
  const omitted = types.filter((type) => type === 'attempt.omitted').length;
  t.ok(omitted > 0 && omitted <= Math.ceil(minutes + 1) * 6, `${omitted} facts say how many more there were`);
}
