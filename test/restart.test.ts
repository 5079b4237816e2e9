/** `berth start` on the same folder again, after an orderly end and after all its processes were killed at once: what was there is there. */
import { join } from 'node:path';
import t, { type Test } from 'tap';
import type { Session } from '../adapters/wire/sessions.ts';
import { type ApiClient, createApiClient } from './helpers/api-client.ts';
import { connectionOf, startBerth } from './helpers/berth-process.ts';
import { temporaryFolder } from './helpers/read-model.ts';
import { pause } from './helpers/until.ts';

t.setTimeout(180_000);

async function clientOf(t: Test, dataDir: string): Promise<ApiClient> {
  const client = await createApiClient(await connectionOf(dataDir));
  t.teardown(() => client.close());
  return client;
}

/** Resolves with all sessions when each is READY or DELETED. */
async function settled(client: ApiClient): Promise<readonly Session[]> {
  for (const end = Date.now() + 20_000; ; await pause(50)) {
    const sessions = await client.describeSessions();
    if (sessions.every(({ State }) => State === 'READY' || State === 'DELETED')) return sessions;
    if (Date.now() > end) throw new Error(`They do not come to rest: ${JSON.stringify(sessions)}`);
  }
}

const essence = ({ Id, Name, Owner, State, Type, Server: server, CreationTime }: Session) => ({
  Id,
  Name,
  Owner,
  State,
  Type,
  CreationTime,
  host: server?.Hostname,
});

t.test('sessions, servers and the client are the same after an end in order and after a power cut', async (t) => {
  const dataDir = join(temporaryFolder(t), 'data');
  const first = await startBerth(t, dataDir, 3, { bare: true });
  const { clientId, clientPassword } = await connectionOf(dataDir);
  const client = await clientOf(t, dataDir);
  const made = await client.createSessions([
    { Name: 'one', Owner: 'ann', Type: 'VIRTUAL' },
    { Name: 'two', Owner: 'bob', Type: 'CONSOLE' },
    { Name: 'three', Owner: 'bob', Type: 'VIRTUAL' },
  ]);
  t.same(made.UnsuccessfulList, []);
  await settled(client);
  await client.deleteSessions([{ SessionId: String(made.SuccessfulList?.[2]?.Id), Owner: 'bob' }]);
  const before = (await settled(client)).map(essence);
  const servers = (await client.describeServers()).map(({ Id }) => Id).sort();
  t.same(
    before.map(({ Name, State }) => [Name, State]),
    [
      ['one', 'READY'],
      ['two', 'READY'],
      ['three', 'DELETED'],
    ],
  );

  let berth = first;
  for (const signal of ['SIGINT', 'SIGKILL'] as const) {
    process.kill(-Number(berth.child.pid), signal);
    t.equal(await berth.ended, signal === 'SIGINT' ? 0 : signal);
    berth = await startBerth(t, dataDir, 3, { bare: true });
    t.match(await connectionOf(dataDir), { clientId, clientPassword });
    const again = await clientOf(t, dataDir);
    t.same((await settled(again)).map(essence), before, `after ${signal}`);
    t.same((await again.describeServers()).map(({ Id }) => Id).sort(), servers);
    t.notMatch(berth.stdout(), 'so far', 'a server that is full is not waited for');
    t.equal(berth.stderr(), '');
  }
  const last = await clientOf(t, dataDir);
  await last.deleteSessions(before.map(({ Id, Owner }) => ({ SessionId: String(Id), Owner: String(Owner) })));
  t.ok((await settled(last)).every(({ State }) => State === 'DELETED'));
});
