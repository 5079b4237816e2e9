/** What may happen in one run of the lifecycle test: calls of clients, mischief on hosts, broken wires, dying processes, and time. */
import fc from 'fast-check';
import { closeGate, create, describe, openGate, remove, updatePermissions } from './lifecycle-calls.ts';
import { OUT_OF_ORDER } from './lifecycle-ledger.ts';
import { readFacts, type Told, verify, type World } from './lifecycle-model.ts';
import type { ServerSettings, SimulatedServer } from './simulated-server.ts';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

/** How it goes on after a command: so many steps of what is under way, or so many milliseconds. */
type Pace = { readonly steps: number } | { readonly ms: number };

type Command = fc.AsyncCommand<Told, World>;

/** Milliseconds of every order of magnitude. */
const duration = (longest: number): fc.Arbitrary<number> =>
  fc
    .tuple(fc.constantFrom(...[SECOND, 10 * SECOND, MINUTE, 10 * MINUTE, 3 * HOUR].filter((unit) => unit <= longest)), fc.nat(1000))
    .map(([unit, part]) => (unit * part) / 1000);

const pace: fc.Arbitrary<Pace> = fc.oneof(
  { weight: 4, arbitrary: fc.nat(12).map((steps) => ({ steps })) },
  { weight: 6, arbitrary: duration(MINUTE).map((ms) => ({ ms })) },
);

/** Something happens, then work or time goes on, then everything that holds at any moment is looked at. */
function command<D extends object>(weight: number, details: fc.Arbitrary<D>, does: (world: World, details: D) => unknown) {
  const arbitrary = fc.tuple(details, pace).map(
    ([what, then]): Command => ({
      check: () => true,
      async run(_, world) {
        await does(world, what);
        await goOn(world, then);
        await verify(world);
      },
      toString: () => `${does.name} ${JSON.stringify(what)}, then ${JSON.stringify(then)}`,
    }),
  );
  return { weight, arbitrary };
}

async function goOn({ simulation, turns }: World, then: Pace): Promise<void> {
  if ('ms' in then) await simulation.pass(then.ms);
  else await turns.take(then.steps);
}

const owner = fc.constantFrom('ann', 'bob', 'cleo', 'ghost');
const requirements = fc.oneof(
  { weight: 6, arbitrary: fc.constant(undefined) },
  { weight: 3, arbitrary: fc.constantFrom("tag:rack = '0'", "tag:rack = '1'") },
  { weight: 1, arbitrary: fc.constantFrom("tag:rack = '99'", 'server:Host.Memory.TotalBytes >') },
);
const item = fc.record({
  owner,
  sessionType: fc.constantFrom('CONSOLE', 'VIRTUAL', 'VIRTUAL'),
  requirements,
  enqueue: fc.boolean(),
  retry: fc.boolean(),
});
const server = fc.nat(3);
const which = fc.nat(7);
const nobody = fc.record({});
const rarely = fc.constantFrom(false, false, false, true);

const arbitraries = [
  command(14, fc.record({ items: fc.array(item, { minLength: 1, maxLength: 4 }) }), create),
  command(12, fc.record({ which, isStranger: rarely, force: rarely }), remove),
  command(3, fc.record({ which, isStranger: rarely, permissions: fc.constantFrom('cDE=', 'cDI=') }), updatePermissions),
  command(2, nobody, describe),
  command(2, fc.record({ server, force: fc.boolean() }), closeGate),
  command(5, fc.record({ server }), openGate),
  command(2, fc.record({ server, reason: fc.constantFrom(OUT_OF_ORDER, undefined) }), breakDown),
  command(2, fc.record({ server, failureRate: fc.constantFrom(0, 1, 1) }), fail),
  command(2, fc.record({ server, longest: fc.constantFrom(200, 20_000, 100_000) }), slowDown),
  command(2, fc.record({ server, localId: fc.constantFrom('console', 'desk'), isConsole: fc.boolean() }), addByHand),
  command(2, fc.record({ server, which }), removeByHand),
  command(2, fc.record({ server, which, connections: fc.nat(2) }), connect),
  command(1, fc.record({ server, users: fc.constantFrom([], ['guest']) }), logIn),
  command(3, fc.record({ server, ms: duration(10 * MINUTE) }), cutWire),
  command(2, fc.record({ server }), breakConnection),
  command(2, fc.record({ server }), restartAgent),
  command(2, fc.record({ server, ms: duration(MINUTE) }), killAgent),
  command(1, fc.record({ server }), reboot),
  command(2, fc.record({ server, ms: duration(10 * MINUTE) }), losePower),
  command(1, fc.record({ which, ms: duration(10 * MINUTE) }), restartBroker),
  command(2, fc.record({ which, ms: duration(10 * MINUTE) }), killBroker),
  command(1, fc.record({ which, ms: duration(MINUTE) }), seizeLocks),
  command(1, fc.record({ appends: fc.nat(7), transactions: fc.nat(4) }), failDisk),
  command(1, fc.record({ ms: fc.constantFrom(-2 * MINUTE, 10 * SECOND, 10 * MINUTE, 2 * HOUR) }), setClock),
  command(3, fc.record({ ms: duration(3 * HOUR) }), wait),
];

/** All commands but the rarest kinds of time take about as long as a client's call. */
export const lifecycleCommands = (most: number, replayPath: string | undefined) =>
  fc.commands([fc.oneof(...arbitraries)], { maxCommands: most, size: 'max', ...(replayPath === undefined ? {} : { replayPath }) });

const at = ({ simulation: { servers } }: World, index: number): SimulatedServer => servers[index % servers.length] as SimulatedServer;

/** Those of the host's settings that may change while it runs. */
const moodOf = (world: World, index: number) => at(world, index).settings as { -readonly [K in keyof ServerSettings]: ServerSettings[K] };

const later = ({ simulation }: World, ms: number, action: () => void): void => void simulation.clock.after(ms, action);

function breakDown(world: World, details: { readonly server: number; readonly reason: string | undefined }): void {
  at(world, details.server).driver().breakDown(details.reason);
}

function fail(world: World, details: { readonly server: number; readonly failureRate: number }): void {
  moodOf(world, details.server).failureRate = details.failureRate;
}

function slowDown(world: World, details: { readonly server: number; readonly longest: number }): void {
  moodOf(world, details.server).latencyMs = { min: details.longest / 2, max: details.longest };
}

async function addByHand(
  world: World,
  details: { readonly server: number; readonly localId: string; readonly isConsole: boolean },
): Promise<void> {
  const { alive, driver } = at(world, details.server);
  const { localId } = details;
  const isThere = (await alive()).some((session) => session.localId === localId);
  if (isThere) return;
  world.made += 1;
  // No host makes two of a name in the same moment.
  const creationTime = world.simulation.clock.now() + world.made;
  await driver().addByHand({ localId, owner: 'root', sessionType: details.isConsole ? 'CONSOLE' : 'VIRTUAL', creationTime });
}

async function someSession(world: World, details: { readonly server: number; readonly which: number }): Promise<string | undefined> {
  const sessions = await at(world, details.server).alive();
  return sessions[details.which % sessions.length]?.localId;
}

async function removeByHand(world: World, details: { readonly server: number; readonly which: number }): Promise<void> {
  const localId = await someSession(world, details);
  if (localId !== undefined) await at(world, details.server).driver().removeByHand(localId);
}

async function connect(
  world: World,
  details: { readonly server: number; readonly which: number; readonly connections: number },
): Promise<void> {
  const localId = await someSession(world, details);
  if (localId !== undefined) await at(world, details.server).driver().setConnections(localId, details.connections);
}

function logIn(world: World, details: { readonly server: number; readonly users: readonly string[] }): void {
  at(world, details.server).driver().logIn(details.users);
}

function cutWire(world: World, details: { readonly server: number; readonly ms: number }): void {
  const { wire } = at(world, details.server);
  wire.cut = true;
  later(world, details.ms, () => {
    wire.cut = false;
  });
}

function breakConnection(world: World, details: { readonly server: number }): void {
  at(world, details.server).wire.breakDown();
}

/** Its orders under way may take a while, so nobody waits for it. */
function restartAgent(world: World, details: { readonly server: number }): void {
  void at(world, details.server).restartAgent();
}

/** What the DCV server was told to make it goes on making, and the next agent does not know. */
function killAgent(world: World, details: { readonly server: number; readonly ms: number }): void {
  const { id, killAgent: kill } = at(world, details.server);
  readFacts(world);
  for (const { state, serverId, givenUp } of world.ledger.sessions.values()) {
    if (serverId === id && (state === 'placed' || state === 'deleting')) givenUp.add(id);
  }
  kill(details.ms);
}

function reboot(world: World, details: { readonly server: number }): void {
  void at(world, details.server).reboot();
}

function losePower(world: World, details: { readonly server: number; readonly ms: number }): void {
  at(world, details.server).losePower(details.ms);
}

type OfBroker = { readonly which: number; readonly ms: number };

function restartBroker({ simulation }: World, { which, ms }: OfBroker): void {
  simulation.restartBroker(ms, which);
}

function killBroker({ simulation }: World, { which, ms }: OfBroker): void {
  simulation.killBroker(ms, which);
}

function seizeLocks({ simulation }: World, { which, ms }: OfBroker): void {
  simulation.seizeLocks(which, ms);
}

function failDisk({ ground }: World, trouble: World['ground']['trouble']): void {
  Object.assign(ground.trouble, trouble);
}

function setClock({ simulation }: World, { ms }: { readonly ms: number }): void {
  simulation.clock.set(ms);
}

function wait(world: World, { ms }: { readonly ms: number }): Promise<void> {
  return world.simulation.pass(ms);
}
