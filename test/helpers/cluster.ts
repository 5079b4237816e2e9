/** Several cores on one log in memory, with read models of their own, under one simulated clock. Each may be stopped, killed and started again. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Test } from 'tap';
import { type Core, type CorePorts, startCore } from '../../adapters/core.ts';
import { createMemoryStore, openMemoryEventLog } from '../../adapters/memory/event-log.ts';
import { openReadDatabase } from '../../adapters/sqlite/read-database.ts';
import { type BrokerId, brokerId, serverId, streamName } from '../../domain/ids.ts';
import type { Greeting, Order } from '../../domain/ports/agent-link.ts';
import { createBreaking } from '../../domain/processes/breaking.ts';
import { GREETING, LIMITS, SILENT } from './core.ts';
import { createLife, mortal, mortalClock } from './life.ts';
import { AGENT_CLIENT, description, ORIGIN, wish } from './samples.ts';
import { createSeededRandom, createSimulatedClock } from './simulated-clock.ts';
import { createMortalLocks } from './simulated-locks.ts';
import { sharedBy } from './turn-ground.ts';

export interface Member {
  readonly id: BrokerId;
  readonly core: Core;
  /** What it told operators, as `level: message`. */
  readonly said: readonly string[];
  readonly orders: readonly { readonly server: string; readonly order: Order }[];
  /** A server greets here and opens its order stream. */
  greet(server: string, changes?: Partial<Greeting>): Promise<void>;
  create(changes?: Parameters<typeof wish>[0]): ReturnType<Core['application']['createSessions']>;
  stop(): Promise<void>;
  /** Nothing that is under way goes on, and its locks are free. */
  kill(): void;
  /** As `kill`, but its locks stay held, as those of a machine without power. */
  fallSilent(): void;
  /** Its locks are free; it hears of that only later. */
  seizeLocks(unawareMs: number): void;
  /** The ids of its locks. */
  holds(): readonly string[];
}

export async function setUpCluster(t: Test) {
  const folder = await mkdtemp(join(tmpdir(), 'berth-cluster-'));
  const store = createMemoryStore();
  const clock = createSimulatedClock();
  const random = createSeededRandom(11);
  const newLocks = createMortalLocks(clock);
  let starts = 0;
  const log = openMemoryEventLog(store);
  const alive = new Set<Member>();
  t.teardown(async () => {
    for (const member of alive) await member.stop();
    await log.close();
    await rm(folder, { recursive: true, force: true });
  });

  const settle = async (): Promise<void> => {
    for (const { core } of alive) await core.idle();
    for (const { core } of alive) await core.idle();
  };

  /** As one broker asks another, but at once. */
  async function ask(broker: BrokerId): Promise<readonly string[]> {
    const member = [...alive].find(({ id }) => id === broker);
    if (member !== undefined && cluster.hears(broker)) return member.holds();
    throw new Error(`${broker} does not answer.`);
  }

  const cluster = {
    /** False: what others ask of this broker does not reach it. */
    hears: (_broker: BrokerId): boolean => true,
    /** False: this append never comes to the log, and is never answered. It waits for a promise. */
    onAppend: (_stream: string, _types: readonly string[], _broker: string): boolean | Promise<boolean> => true,
    clock,
    /** Of another process. */
    newLocks,
    settle,
    pass: (ms: number) => clock.advance(ms, settle),
    types: (category: string, id: string) => (store.streams.get(streamName(category, id)) ?? []).map(({ type }) => type),
    /** Joins under this name, or at this address if one is given. */
    async start(name: string, changes: Partial<CorePorts> = {}): Promise<Member> {
      const life = createLife();
      const self = brokerId(name);
      const own = newLocks(self);
      starts += 1;
      const said: string[] = [];
      const say = (level: string) => (_: object, message: string) => void said.push(`${level}: ${message}`);
      const orders: { readonly server: string; readonly order: Order }[] = [];
      const shared = sharedBy({
        ...log,
        async append(stream, revision, facts) {
          const types = facts.map(({ type }) => type);
          return (await cluster.onAppend(stream, types, name)) ? log.append(stream, revision, facts) : new Promise(() => undefined);
        },
      });
      const ports: CorePorts = {
        log: { ...mortal(shared, life), isShared: true, known: shared.known, subscribe: shared.subscribe },
        locks: createBreaking({
          locks: own,
          clock: mortalClock(clock, life),
          self,
          ask,
          broke: (lock, holder) => said.push(`broke ${lock} of ${holder}`),
          broken: (lock) => said.push(`lost ${lock}`),
        }),
        self,
        database: await openReadDatabase(join(folder, `${name}-${starts}.sqlite`), { logger: SILENT }),
        link: { send: (server, order) => orders.push({ server, order }) > 0, screenshot: async () => ({ rejected: 'No.' }) },
        clock: mortalClock(clock, life),
        random,
        logger: { ...SILENT, info: say('info'), warn: say('warn'), error: say('error') },
        issueConnectionToken: async () => 'token',
        fatal: (error) => t.error(error),
        ...changes,
      };
      const core = await startCore(ports, LIMITS);
      const joining = core.join({ host: name, url: `https://${name}:8445` });
      const member: Member = {
        id: ports.self,
        core,
        said,
        orders,
        async greet(server, greeting = {}) {
          const whole = { ...GREETING, serverId: serverId(server), description: description({ hostname: server }), ...greeting };
          await core.reception.greeted(whole, AGENT_CLIENT);
          core.reception.connected(serverId(server));
          await settle();
        },
        create: (wished = {}) => core.application.createSessions([wish(wished)], ORIGIN),
        async stop() {
          alive.delete(member);
          await core.stop();
          own.die();
        },
        kill() {
          alive.delete(member);
          life.end();
          own.die();
        },
        fallSilent() {
          alive.delete(member);
          life.end();
          own.fallSilent();
        },
        seizeLocks: own.seize,
        holds: own.holds,
      };
      alive.add(member);
      await joining;
      await settle();
      return member;
    },
  };
  return cluster;
}
