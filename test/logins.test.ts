/** What a real DCV server and its users are to two brokers, run as processes: connections that come and go, and connection tokens shown at the door. */
import { readFile } from 'node:fs/promises';
import t, { type Test } from 'tap';
import type { ConnectionFile } from '../adapters/connection-file.ts';
import type { Session } from '../adapters/wire/sessions.ts';
import { type ApiClient, createApiClient } from './helpers/api-client.ts';
import { ask, fields } from './helpers/dcv-server.ts';
import { startEventStore } from './helpers/event-store.ts';
import { type RealAgent, startRealAgent } from './helpers/real-agent.ts';
import { startBroker } from './helpers/real-broker.ts';
import { pause } from './helpers/until.ts';

t.setTimeout(180_000);

const NO = '<auth result="no"><message>Authentication failed</message></auth>';
/** Users look at what Describe says; it is to be true within seconds, also on a busy machine. */
const SECONDS_MS = 10_000;

/** Two brokers on one log, and an agent of the first with its host in our hands. */
async function createWorld(t: Test) {
  const { url, prefix } = await startEventStore(t, { apart: true });
  const flags = ['--event-log', url, '--stream-prefix', prefix];
  const one = await startBroker(t, { bare: true, flags });
  const other = await startBroker(t, { bare: true, flags, keyOf: one.dataDir });
  const { agentPort, caFile, softwareStatementFile } = one.connection;
  const statement = (await readFile(softwareStatementFile, 'utf8')).trim();
  const agent = await startRealAgent({ port: agentPort, caFile }, { statement });
  t.teardown(() => agent.stop());
  const client = await createApiClient(one.connection);
  t.teardown(() => client.close());
  await eventually(async () => (await client.describeServers())[0]?.Availability === 'AVAILABLE');
  return { one, other, agent, client };
}

t.test('connections come and go in Describe within seconds, and tokens are judged by any broker', async (t) => {
  const world = await createWorld(t);
  const session = await readySession(world.client);
  await t.test('how many are connected, and when the last one left', (t) => connections(t, world, session));
  const token = await tokenFor(world.client, session, 'DOMAIN\\ann');
  await t.test('any broker lets the user in', async (t) => {
    for (const { connection } of [world.one, world.other]) {
      t.match(await question(connection, session, token), {
        status: 200,
        text: '<auth result="yes"><username>DOMAIN\\ann</username></auth>',
      });
      t.match(await question(connection, session, `${token}x`), { status: 200, text: NO });
    }
  });
  await t.test('a session that was made just now is known to the other broker at once', async (t) => {
    for (let round = 0; round < 5; round += 1) {
      const fresh = await readySession(world.client, `user-${round}`);
      const answer = await question(world.other.connection, fresh, await tokenFor(world.client, fresh, 'bob'));
      t.match(answer.text, 'result="yes"');
    }
  });
  await t.test('a deleted session lets nobody in, at either broker', async (t) => {
    await world.client.deleteSessions([{ SessionId: String(session.Id), Owner: 'ann' }]);
    for (const { connection } of [world.other, world.one]) t.match(await question(connection, session, token), { text: NO });
  });
  await t.test('the audit tells who was let in where, and who was not', async (t) => {
    const entries = await eventually(async () => {
      const found = await auditOf(world.client, String(session.Id));
      return found.length >= 6 && found;
    });
    const facts = entries.map(({ Type, Data }) => [Type, Data['code'] ?? Data['user']]);
    t.equal(facts.filter(([type, user]) => type === 'login.accepted' && user === 'DOMAIN\\ann').length, 2);
    t.equal(facts.filter(([, code]) => code === 'INVALID_TOKEN').length, 2);
    t.equal(facts.filter(([, code]) => code === 'SESSION_CLOSED').length, 2);
    t.notMatch(JSON.stringify(entries), token);
  });
});

interface World {
  readonly agent: RealAgent;
  readonly client: ApiClient;
}

async function connections(t: Test, { agent, client }: World, { Id: id }: Session): Promise<void> {
  const described = async (): Promise<Session | undefined> => (await client.describeSessions({ SessionIds: [String(id)] }))[0];
  const began = Date.now();
  await agent.driver.setConnections(String(id), 2);
  await eventually(async () => (await described())?.NumOfConnections === 2);
  t.equal((await described())?.LastDisconnectionTime ?? undefined, undefined);
  await agent.driver.setConnections(String(id), 0);
  const after = await eventually(async () => {
    const session = await described();
    return session?.NumOfConnections === 0 && session;
  });
  t.ok(Date.now() - began < 2 * SECONDS_MS);
  const left = Date.parse(String(after.LastDisconnectionTime));
  t.ok(left >= began && left <= Date.now(), 'at the time of the host');
}

/** READY, and as such known to the broker that is asked for a token. */
/** Each user may have one session on the host. */
async function readySession(client: ApiClient, owner = 'ann'): Promise<Session> {
  const made = await client.createSessions([{ Name: 'desk', Owner: owner, Type: 'VIRTUAL' }]);
  const id = String(made.SuccessfulList?.[0]?.Id);
  return eventually(async () => {
    const [session] = await client.describeSessions({ SessionIds: [id] });
    return session?.State === 'READY' && session;
  });
}

async function tokenFor(client: ApiClient, { Id: id }: Session, user: string): Promise<string> {
  const answer = (await client.call('GET', `/sessionConnectionData/${id}/${encodeURIComponent(user)}`)) as {
    readonly ConnectionToken: string;
  };
  return answer.ConnectionToken;
}

const question = async ({ agentPort, caFile }: ConnectionFile, { Id: id }: Session, token: string) =>
  ask({ port: agentPort, ca: await readFile(caFile, 'utf8') }, fields(String(id), token));

interface Entry {
  readonly Type: string;
  readonly Data: Readonly<Record<string, unknown>>;
}

async function auditOf(client: ApiClient, actor: string): Promise<readonly Entry[]> {
  const { Entries } = (await client.call('GET', `/audit?Actor=${actor}`)) as { readonly Entries: readonly Entry[] };
  return Entries.filter(({ Type }) => !Type.startsWith('session.'));
}

async function eventually<T>(look: () => Promise<T | false | undefined>): Promise<T> {
  for (const end = Date.now() + SECONDS_MS; ; await pause(50)) {
    const found = await look();
    if (found !== false && found !== undefined) return found;
    if (Date.now() > end) throw new Error(`It did not come about: ${look}`);
  }
}
