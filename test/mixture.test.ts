/** A minute of everything that can go wrong at once between a broker and a host with a DCV server, by chance from a seed; then all of it has to come right. */
import t from 'tap';
import type { Session } from '../adapters/wire/sessions.ts';
import { createSeededFraction } from '../agent/seeded.ts';
import { ApiError } from './helpers/api-client.ts';
import type { BerthProcess } from './helpers/berth-process.ts';
import { eventually, type Place, place, serverWith } from './helpers/dcv-place.ts';
import { type Relay, startRelay } from './helpers/relay.ts';
import { SEED } from './helpers/seed.ts';
import { pause } from './helpers/until.ts';

const MIXTURE_MS = 60_000;

interface World extends Place {
  readonly relay: Relay;
  /** Of requests that were answered, and what they asked for last. */
  readonly wished: Map<string, 'there' | 'gone'>;
  agent: BerthProcess;
}

/** `share`: how often, next to the others. `chance` gives a number from 0 to 1. */
interface Mishap {
  readonly share: number;
  run(world: World, chance: () => number): Promise<void>;
}

const MISHAPS: Readonly<Record<string, Mishap>> = {
  create: { share: 6, run: (world) => asked(() => createOne(world)) },
  delete: { share: 3, run: (world, chance) => asked(() => deleteOne(world, chance)) },
  'kill the agent': {
    share: 2,
    async run(world, chance) {
      world.agent.child.kill('SIGKILL');
      await world.agent.ended;
      await pause(2_000 * chance());
      world.agent = world.startAgent();
    },
  },
  'kill the broker': {
    share: 1,
    async run(world, chance) {
      await world.broker.kill();
      await pause(3_000 * chance());
      world.broker.spawn();
      await world.broker.ready();
    },
  },
  'freeze the network': {
    share: 1,
    async run({ relay }, chance) {
      relay.freeze();
      await pause(12_000 * chance());
      relay.thaw();
    },
  },
  'cut the network': { share: 2, run: async ({ relay }) => relay.cut() },
  'slow the host down': {
    share: 2,
    run: async ({ host }, chance) => host.turn({ delayMs: { 'create-session': 2_000 * chance(), 'close-session': 1_000 * chance() } }),
  },
  'stop the DCV server': {
    share: 1,
    async run({ host }, chance) {
      host.turn({ running: false });
      await pause(4_000 * chance());
      host.turn({ running: true });
    },
  },
  'fail on the host': {
    share: 1,
    async run({ host }, chance) {
      host.turn({ ailments: { 'create-session': chance() < 0.5 ? 'die' : 'fail' } });
      await pause(1_000 * chance());
      host.turn({ ailments: {} });
    },
  },
  'close on the host': {
    share: 1,
    async run({ host, wished }, chance) {
      const session = anyOf(host.sessions(), chance);
      if (session === undefined) return;
      wished.set(session.id, 'gone');
      host.removeByHand(session.id);
    },
  },
  connect: {
    share: 2,
    async run({ host }, chance) {
      const session = anyOf(host.sessions(), chance);
      if (session !== undefined) host.connect(session.id, ...['ann', 'bob'].slice(0, 1 + Math.round(chance())));
    },
  },
};

t.test(`a minute of mishaps comes right (seed ${SEED})`, { timeout: 600_000 }, async (t) => {
  const chance = createSeededFraction(SEED);
  let relay: Relay | undefined;
  const it = await place(t, async (broker) => {
    relay = await startRelay(t, () => broker.connection.agentPort);
    return relay.port;
  });
  const world: World = { ...it, relay: relay as Relay, wished: new Map(), agent: it.startAgent() };
  await serverWith(it.broker, ({ Availability }) => Availability === 'AVAILABLE');

  const happened: string[] = [];
  for (const end = Date.now() + MIXTURE_MS; Date.now() < end; await pause(500 * chance())) {
    const name = drawn(chance);
    happened.push(name);
    await MISHAPS[name]?.run(world, chance);
  }
  t.comment(happened.join(', '));

  world.host.turn({ running: true, ailments: {}, delayMs: {} });
  let views: Views | undefined;
  const sessions = await eventually('broker and host agree', async () => {
    views = await viewsOf(world);
    return views.told.join() === views.seen.join() && views.sessions;
  }).catch(async (error: unknown) => {
    t.same(views?.told, views?.seen, 'what the broker says of the host');
    for (const told of views?.told ?? []) {
      const [id = ''] = told.split(' ');
      if (!views?.seen.includes(told)) t.comment(JSON.stringify(await it.broker.client.sessionHistory(id)));
    }
    throw error;
  });
  for (const [id, wish] of world.wished) {
    const found = sessions.get(id);
    if (wish === 'gone') t.equal(found?.State, 'DELETED', `${id} is gone`);
    else if (found?.State !== 'READY')
      t.match(found, { State: 'DELETED', StateReason: /dcv create-session|Could not|not running/ }, `${id} failed on its host`);
  }
  t.ok(world.wished.size > 0);
  t.notMatch(world.agent.stderr(), /"level":"fatal"|UnhandledPromise/);
  for (const { Id } of sessions.values()) await neverTwice(world, String(Id));

  async function neverTwice({ broker }: World, id: string): Promise<void> {
    const starts = (await broker.client.sessionHistory(id)).filter(({ Type }) => Type === 'session.started');
    t.ok(starts.length <= 1, `${id} was started once at most`);
  }
});

function drawn(chance: () => number): string {
  const entries = Object.entries(MISHAPS);
  let left = chance() * entries.reduce((sum, [, { share }]) => sum + share, 0);
  for (const [name, { share }] of entries) {
    left -= share;
    if (left < 0) return name;
  }
  return 'create';
}

const anyOf = <T>(items: readonly T[], chance: () => number): T | undefined => items[Math.floor(chance() * items.length)];

/** Some are refused, for instance because the host cannot be reached. */
async function asked(request: () => Promise<void>): Promise<void> {
  await request().catch((error: unknown) => {
    if (!(error instanceof ApiError)) throw error;
  });
}

/** Without a second attempt, which goes to another server, and here is none. */
async function createOne({ broker, wished }: World): Promise<void> {
  const { SuccessfulList } = await broker.client.createSessions([
    { Name: 'desk', Owner: 'ann', Type: 'VIRTUAL', EnqueueRequest: true, DisableRetryOnFailure: true },
  ]);
  for (const { Id } of SuccessfulList ?? []) wished.set(String(Id), 'there');
}

async function deleteOne({ broker, wished }: World, chance: () => number): Promise<void> {
  const id = anyOf(
    [...wished].filter(([, wish]) => wish === 'there').map(([id]) => id),
    chance,
  );
  if (id === undefined) return;
  const { SuccessfulList } = await broker.client.deleteSessions([{ SessionId: id, Owner: 'ann' }]);
  if (SuccessfulList?.length === 1) wished.set(id, 'gone');
}

interface Views {
  readonly sessions: ReadonlyMap<string, Session>;
  /** What lives on the host and how many are connected, by the broker and by the host itself. */
  readonly told: readonly string[];
  readonly seen: readonly string[];
}

async function viewsOf({ broker, host }: World): Promise<Views> {
  const sessions = await broker.client.describeSessions();
  const living = sessions.filter(({ State }) => State !== 'DELETED');
  const told = living.map(({ Id, State, NumOfConnections }) => `${Id} ${State} ${NumOfConnections}`).sort();
  const seen = host
    .sessions()
    .map(({ id, users }) => `${id} READY ${users.length}`)
    .sort();
  return { sessions: new Map(sessions.map((session) => [String(session.Id), session])), told, seen };
}
