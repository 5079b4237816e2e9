/**
 * A process that lives lives: `node lives.js '{"runs":1000,"seed":7}'`. Its last line says as JSON how they ended. It is a process of its own because
 * tap watches every promise of a test, which would take longer than the lives themselves.
 */
import fc from 'fast-check';
import { createDigest } from './digest.ts';
import { lifecycleCommands } from './lifecycle-commands.ts';
import { verifyEnd } from './lifecycle-end.ts';
import { newWorld, type World } from './lifecycle-model.ts';
import type { ServerSettings } from './simulated-server.ts';
import { createSimulation } from './simulation.ts';
import { createTurnGround, openTablespace, type Tablespace } from './turn-ground.ts';
import { createTurns } from './turns.ts';

const MINUTE = 60_000;

export interface Lives {
  readonly runs: number;
  readonly seed: number;
  /** On one log; absent: 1. */
  readonly brokers?: number | undefined;
  /** Of the one life to live: where it is in the tree of all lives, and which of its commands count. fast-check needs both. */
  readonly path?: string | undefined;
}

export interface Ended {
  readonly lives: number;
  /** How many facts of each type there were. */
  readonly facts: Readonly<Record<string, number>>;
  /** Of all facts of all lives: the same for the same seed. */
  readonly digest: string;
  readonly failure?: Failure | undefined;
}

export interface Failure {
  readonly problem: string;
  /** The shortest life that ends as badly, and the facts of it. */
  readonly life: string;
  readonly history: readonly string[];
  /** With the same seed. */
  readonly path: string;
}

const LIMITS = {
  queueSize: 3,
  queueMs: 5 * MINUTE,
  maxAttempts: 3,
  creationMs: MINUTE,
  deletionMs: MINUTE,
  unreachableServerMs: 6 * MINUTE,
  deletedVisibleMs: 10_000 * MINUTE,
};
/** Longer than the longest deadline of a session, and the farthest that somebody sets the clock back. */
const PATIENCE_MS = 15 * MINUTE;
/** Rarer than in production, because most of the time of a life would be heartbeats. */
const CONNECTIONS = { heartbeatMs: 30_000, silenceMs: 80_000, graceMs: 20_000 };

const host = fc.record({
  isWindows: fc.constantFrom(false, false, true),
  most: fc.constantFrom(1, 2, 3, -1),
  mostPerOwner: fc.constantFrom(-1, -1, 1, 2),
});

const beginning = fc.record({
  hosts: fc.array(host, { minLength: 2, maxLength: 4 }),
  unreachableSessionsMs: fc.constantFrom(undefined, 3 * MINUTE),
  /** Before the first command; without it the fleet is not even there. */
  warmUpMs: fc.constantFrom(1000, 1000, 1000, 0),
  chance: fc.nat(),
  order: fc.nat(),
});
type Beginning = typeof beginning extends fc.Arbitrary<infer B> ? B : never;

/** The hosts themselves would take more than their agents announce, so that it is seen when they get it. */
const settingsOf = ({ isWindows, most, mostPerOwner }: Beginning['hosts'][number], index: number): ServerSettings => ({
  hostname: `host-${index}`,
  osFamily: isWindows ? 'windows' : 'linux',
  memoryBytes: 16 * 2 ** 30,
  cpus: 8,
  gpus: 0,
  latencyMs: { min: 100, max: 2000 },
  failureRate: 0,
  capacity: -1,
  maxVirtualSessions: isWindows ? 0 : most,
  maxSessionsPerOwner: mostPerOwner,
  unknownOwners: index === 0 ? ['ghost'] : [],
});

type Tablespaces = readonly [Tablespace, ...Tablespace[]];

async function begin({ hosts, unreachableSessionsMs, warmUpMs, chance, order }: Beginning, tablespaces: Tablespaces): Promise<World> {
  for (const tablespace of tablespaces) await tablespace.clear();
  const turns = createTurns(order);
  const ground = createTurnGround(tablespaces, turns);
  const limits = { ...LIMITS, unreachableSessionsMs };
  const simulation = await createSimulation({ seed: chance, servers: hosts.map(settingsOf), limits, connections: CONNECTIONS, ground });
  await simulation.pass(warmUpMs);
  return newWorld({ simulation, ground, turns });
}

/** All facts of a life, a line each. */
function historyOf({ simulation }: World): readonly string[] {
  const { facts } = simulation.store;
  const start = facts[0]?.time ?? 0;
  return facts.map(({ time, stream, type, data }) => `${(time - start) / 1000} s: ${stream} ${type} ${JSON.stringify(data).slice(0, 200)}`);
}

async function live({ runs, seed, brokers = 1, path }: Lives): Promise<Ended> {
  const tablespace = await openTablespace();
  const others = await Promise.all(Array.from({ length: brokers - 1 }, openTablespace));
  const facts: Record<string, number> = {};
  const digest = createDigest();
  let history: readonly string[] = [];
  let world: World | undefined;
  // It would end a broker.
  process.on('unhandledRejection', (error) => world?.problems.push(`Nobody caught ${Object(error).stack ?? error}`));
  const [place, replayPath] = path?.split(' ') ?? [];
  const life = fc.asyncProperty(beginning, lifecycleCommands(50, replayPath), async (begun, commands) => {
    const real = await begin(begun, [tablespace, ...others]);
    world = real;
    try {
      await fc.asyncModelRun(() => ({ model: real.told, real }), commands);
      await verifyEnd(real, tablespace, PATIENCE_MS);
    } catch (error) {
      history = historyOf(real);
      throw error;
    } finally {
      digest.add(real.simulation.store.facts);
      for (const { type } of real.simulation.store.facts) facts[type] = (facts[type] ?? 0) + 1;
      await real.simulation.stop();
    }
  });
  const result = await fc.check(life, { numRuns: runs, seed, ...(place === undefined ? {} : { path: place }) });
  const lived = { lives: result.numRuns, facts, digest: digest.text() };
  if (!result.failed) return lived;
  const text = fc.stringify(result.counterexample);
  const [, replay = ''] = /replayPath="(.*?)"/.exec(text) ?? [];
  const problem = String(Object(result.errorInstance).stack);
  return { ...lived, failure: { problem, life: text, history, path: `${result.counterexamplePath} ${replay}` } };
}

console.log(JSON.stringify(await live(JSON.parse(process.argv[2] ?? '{}') as Lives)));
