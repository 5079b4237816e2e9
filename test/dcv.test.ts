/** A broker and an agent as an operator runs them, and a stand-in for the DCV server of the host: processes, files and HTTPS. */
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { decode } from 'fast-png';
import t from 'tap';
import { z } from 'zod';
import type { CreateSessionRequestData } from '../adapters/wire/sessions.ts';
import { become, create, eventually, place, serverWith } from './helpers/dcv-place.ts';

const base64 = (text: string): string => Buffer.from(text).toString('base64');
const pictures = z.object({
  SuccessfulList: z.array(z.object({ SessionScreenshot: z.object({ Images: z.array(z.object({ Data: z.string() })) }) })),
});

t.test('a session lives its life on a host with a DCV server', async (t) => {
  const it = await place(t);
  const { broker, host } = it;
  it.startAgent();
  const server = await serverWith(broker, ({ Availability }) => Availability === 'AVAILABLE');
  t.match(server, { Version: '2024.0.18131', Port: '8443', Endpoints: [{ Protocol: 'HTTP', Port: 8443 }, { Protocol: 'QUIC' }] });

  const permissions = '[permissions]\n%owner% allow builtin\n';
  const id = await create(it, { PermissionsFile: base64(permissions), MaxConcurrentClients: 2, StorageRoot: '%home%' });
  await become(broker, id, ({ State }) => State === 'READY');
  t.match(host.session(id), { owner: 'ann', user: 'ann', permissions, maxClients: 2, storageRoot: '%home%' });

  const taken = pictures.parse(
    await broker.client.call('POST', '/getSessionScreenshots', [{ SessionId: id, MaxWidth: 320, MaxHeight: 200 }]),
  );
  const [image] = taken.SuccessfulList[0]?.SessionScreenshot.Images ?? [];
  t.match(decode(Buffer.from(String(image?.Data), 'base64')), { width: 266, height: 200 });

  const newer = `${permissions}%any% deny usb\n`;
  const update = (file: string) => broker.client.updateSessionPermissions([{ SessionId: id, Owner: 'ann', PermissionsFile: base64(file) }]);
  t.match(await update(`${permissions}%any% denny usb`), {
    UnsuccessfulList: [{ FailureReason: /^PermissionsFile line 3: expected an actor/ }],
  });
  t.match(await update(newer), { SuccessfulList: [{ SessionId: id }] });
  await eventually('the new permissions', async () => host.session(id)?.permissions === newer);

  host.connect(id, 'ann', 'bob');
  await become(broker, id, ({ NumOfConnections }) => NumOfConnections === 2);
  host.disconnect(id);
  const left = await become(broker, id, ({ NumOfConnections }) => NumOfConnections === 0);
  t.ok(Math.abs(Date.parse(String(left.LastDisconnectionTime)) - Date.now()) < 60_000);

  host.addByHand('by-hand', { owner: 'eve' });
  await become(broker, 'by-hand', ({ State, Owner }) => State === 'READY' && Owner === 'eve');
  host.removeByHand('by-hand');
  await become(broker, 'by-hand', ({ State }) => State === 'DELETED');

  t.same(readdirSync(join(host.stateFolder, 'sessions')), [`${id}.perm`]);
  await broker.client.deleteSessions([{ SessionId: id, Owner: 'ann' }]);
  t.match(await become(broker, id, ({ State }) => State === 'DELETED'), { StateReason: 'Closed on request' });
  t.same(host.sessions(), []);
  await eventually('its files are gone', async () => readdirSync(join(host.stateFolder, 'sessions')).length === 0);
});

t.test('why a host makes no session stands in its StateReason', async (t) => {
  const it = await place(t);
  const { broker, host } = it;
  const agent = it.startAgent();
  host.turn({ localUsers: ['ann'] });
  await serverWith(broker, ({ Availability }) => Availability === 'AVAILABLE');
  const reasonOf = async (item: Partial<CreateSessionRequestData>): Promise<string> => {
    const failed = await become(broker, await create(it, { DisableRetryOnFailure: true, ...item }), ({ State }) => State === 'DELETED');
    return String(failed.StateReason);
  };
  t.match(await reasonOf({ Owner: 'nobody-here' }), /Specified user is not a local user/);
  t.match(await reasonOf({ Name: '--gl' }), /The name begins with "-"/);
  t.match(await reasonOf({ InitFile: '../../etc/passwd' }), /is not inside the agent's init folder/);
  t.match(await reasonOf({ InitFile: 'none.sh' }), /init file 'none\.sh' is not in the agent's init folder/);
  t.match(await reasonOf({ Type: 'CONSOLE', AutorunFile: 'x' }), /AutorunFile is not supported for a console session on Linux/);
  host.turn({ ailments: { 'create-session': 'die' } });
  t.match(await reasonOf({}), /dcv create-session was ended by SIGKILL/);
  t.same(host.sessions(), []);
  t.notMatch(agent.stderr(), /"level":"fatal"|UnhandledPromise/);
});

t.test(
  'a DCV server that is down or hangs makes its server unhealthy until it is back, and an agent that was killed finds its sessions',
  async (t) => {
    const it = await place(t);
    const { broker, host } = it;
    host.turn({ running: false });
    const first = it.startAgent();
    await serverWith(broker, ({ UnavailabilityReason }) => UnavailabilityReason === 'UNHEALTHY_DCV_SERVER');
    host.turn({ running: true });
    await serverWith(broker, ({ Availability }) => Availability === 'AVAILABLE');
    const id = await create(it);
    await become(broker, id, ({ State }) => State === 'READY');

    host.turn({ ailments: { '*': 'hang' } });
    await serverWith(broker, ({ UnavailabilityReason }) => UnavailabilityReason === 'UNHEALTHY_DCV_SERVER');
    t.equal((await become(broker, id, () => true)).State, 'READY', 'nobody says that its sessions are gone');
    host.turn({ ailments: {} });
    await serverWith(broker, ({ Availability }) => Availability === 'AVAILABLE');

    first.child.kill('SIGKILL');
    await first.ended;
    it.startAgent();
    await become(broker, id, ({ State }) => State === 'READY');
    host.removeByHand(id);
    await become(broker, id, ({ State }) => State === 'DELETED');
  },
);

t.test('an autorun file is started in the session with its arguments, before the init file takes over', async (t) => {
  const it = await place(t);
  const { broker, host } = it;
  it.startAgent();
  host.turn({ runsInit: true });
  mkdirSync(join(host.folder, 'out'));
  const out = (name: string): string => join(host.folder, 'out', name);
  host.write(
    'autorun/tool.sh',
    `#!/bin/sh\nfor word; do printf '[%s]' "$word"; done > '${out('words.new')}'\nmv '${out('words.new')}' '${out('words')}'\n`,
    0o755,
  );
  host.write('init/desk.sh', `#!/bin/sh\nprintf %s "$DISPLAY" > '${out('display')}'\n`, 0o755);
  await serverWith(broker, ({ Availability }) => Availability === 'AVAILABLE');
  const words = ['a b', "it's", '$(touch /tmp/x)', '`id`', '', '"', '\\', '*', '; rm -rf /', '-x', 'ünï'];
  const id = await create(it, { InitFile: 'desk.sh', AutorunFile: 'tool.sh', AutorunFileArguments: words });
  await become(broker, id, ({ State }) => State === 'READY');
  await eventually('both have run', async () => existsSync(out('words')) && existsSync(out('display')));
  t.equal(readFileSync(out('words'), 'utf8'), words.map((word) => `[${word}]`).join(''));
  t.equal(readFileSync(out('display'), 'utf8'), ':1');
});
