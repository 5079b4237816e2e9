import { cp, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { readHostMarks } from '../../agent/host-facts/marks.ts';
import { type HostMarks, keptServerId } from '../../agent/identity.ts';
import { startTestBroker } from '../helpers/agent-broker.ts';
import { newFolder, recordingLogger, startRealAgent } from '../helpers/real-agent.ts';
import { createSeededRandom } from '../helpers/simulated-clock.ts';
import { pause, until } from '../helpers/until.ts';

/** A host with a state folder that starts again and again. */
async function newHost(first: HostMarks) {
  const stateFolder = await newFolder();
  const random = createSeededRandom(1);
  const log = recordingLogger();
  const start = (marks: HostMarks, hostname = 'host-1') => keptServerId({ stateFolder, hostname, marks, random, log });
  return { stateFolder, log, start, id: await start(first) };
}

t.test('a server keeps its id, whatever its name', async (t) => {
  const { start, id, stateFolder, log } = await newHost({});
  t.equal(await start({}, 'host-2'), id);
  t.equal((await stat(join(stateFolder, 'server-id'))).mode & 0o777, 0o600);
  t.same(await readdir(stateFolder), ['server-id']);
  await writeFile(join(stateFolder, 'server-id'), '\n');
  t.not(await start({}), id, 'an empty file counts for none');
  t.same(log.lines, []);
});

t.test('a mark that differs shows a copy of the disk; one that is not known on both sides shows nothing', async (t) => {
  const A = { machineId: 'a', hardwareId: 'x' };
  const cases: readonly (readonly [HostMarks, HostMarks, 'same' | 'copy'])[] = [
    [A, A, 'same'],
    [A, {}, 'same'],
    [{}, A, 'same'],
    [A, { machineId: 'b', hardwareId: 'x' }, 'copy'],
    [A, { machineId: 'a', hardwareId: 'y' }, 'copy'],
    [{ machineId: 'a' }, { machineId: 'a', hardwareId: 'y' }, 'same'],
    [{ ...A, instanceId: 'i-1' }, { ...A, instanceId: 'i-2' }, 'copy'],
    [{ ...A, instanceId: 'i-1' }, { machineId: 'b', hardwareId: 'y', instanceId: 'i-1' }, 'same'],
    [{ ...A, instanceId: 'i-1' }, A, 'same'],
    [{ ...A, instanceId: 'i-1' }, { machineId: 'b' }, 'copy'],
    [A, { ...A, instanceId: 'i-1' }, 'same'],
  ];
  for (const [was, is, verdict] of cases) {
    const { start, id } = await newHost(was);
    const now = await start(is);
    t.equal(now === id ? 'same' : 'copy', verdict, JSON.stringify([was, is]));
    t.equal(await start(is), now, 'and stays');
  }
});

t.test('a copy takes nothing of the former server with it', async (t) => {
  const { start, stateFolder, log } = await newHost({ machineId: 'secret-a' });
  for (const name of ['credentials.json', 'outbox.jsonl', 'journal.jsonl', 'simulated-sessions.json']) {
    await writeFile(join(stateFolder, name), '{}');
  }
  await start({ machineId: 'secret-b' });
  t.same((await readdir(stateFolder)).sort(), ['host-marks.json', 'server-id', 'simulated-sessions.json']);
  t.match(log.lines, [{ level: 'warn', fields: { differs: 'machineId' }, message: /copy.*new id and a new enrolment/ }]);
  t.notMatch(JSON.stringify(log.lines), 'secret', 'ids of machines are confidential');
  t.equal((await stat(join(stateFolder, 'host-marks.json'))).mode & 0o777, 0o600);
  t.same(JSON.parse(await readFile(join(stateFolder, 'host-marks.json'), 'utf8')), { machineId: 'secret-b' });
});

t.test('marks that cannot be read are said, and the server stays itself', async (t) => {
  const { start, id, stateFolder, log } = await newHost({ machineId: 'a' });
  await writeFile(join(stateFolder, 'host-marks.json'), '{');
  t.equal(await start({ machineId: 'b' }), id);
  t.match(log.lines, [{ level: 'warn', message: /cannot be read/ }]);
});

t.test('marks come from files of the system and from EC2', async (t) => {
  const folder = await newFolder();
  const file = (name: string) => join(folder, name);
  const marks = (instanceId?: string) =>
    readHostMarks(
      { platform: 'linux', metadata: { instance: async () => (instanceId === undefined ? undefined : { ...INSTANCE, instanceId }) } },
      { machineId: [file('first'), file('second')], hardwareId: file('hardware') },
    );
  t.same(await marks(), { instanceId: undefined, machineId: undefined, hardwareId: undefined });
  await writeFile(file('first'), 'uninitialized\n');
  await writeFile(file('second'), 'abc\n');
  await writeFile(file('hardware'), 'def\n');
  t.same(await marks('i-1'), { instanceId: 'i-1', machineId: 'abc', hardwareId: 'def' });
});

const INSTANCE = { region: 'r', instanceType: 't', instanceId: 'i', imageId: 'm' };

t.test('a cloned disk becomes a server of its own and enrols anew', async (t) => {
  const broker = await startTestBroker();
  const image = await newFolder();
  const first = await startRealAgent(broker, { folder: image, simulated: "ec2_instance_id = 'i-1'" });
  await until('it is connected', () => first.connected());
  await first.stop();
  const clone = await newFolder();
  await cp(image, clone, { recursive: true });
  const original = await startRealAgent(broker, { folder: image, simulated: "ec2_instance_id = 'i-1'" });
  const copy = await startRealAgent(broker, { folder: clone, simulated: "ec2_instance_id = 'i-2'" });
  await until('both are connected', () => original.connected() && copy.connected());
  t.equal(broker.clients.size, 2);
  t.equal(new Set(broker.heard.greetings.map(({ serverId }) => serverId)).size, 2);
  for (const agent of [original, copy]) await agent.stop();
  await broker.stop();
});

t.test(
  'a clone that cannot be told from its original is refused while that is there, with a sentence, and both stay as they are',
  async (t) => {
    const broker = await startTestBroker();
    const image = await newFolder();
    const first = await startRealAgent(broker, { folder: image });
    await until('it is connected', () => first.connected());
    const clone = await newFolder();
    await cp(image, clone, { recursive: true });
    const copy = await startRealAgent(broker, { folder: clone });
    const said = /status 409, server_id_in_use: Another agent is connected as this server.*delete server-id and credentials\.json/;
    const refusals = () => copy.log.lines.filter(({ fields }) => said.test(String(Object(fields).reason)));
    await until('it is refused again and again', () => refusals().length > 2);
    t.ok(first.connected());
    t.equal(broker.heard.greetings.length, 1, 'the first has never had to come back');
    t.same(broker.heard.lost, []);
    await first.stop();
    await until('when the first is gone it is let in', () => copy.connected());
    await copy.stop();
    await broker.stop();
  },
);

t.test('an agent that was killed is let in again at once', async (t) => {
  const broker = await startTestBroker({ settings: { silenceMs: 60_000, graceMs: 30_000, heartbeatMs: 1000 } });
  const folder = await newFolder();
  const first = await startRealAgent(broker, { folder });
  await until('it is connected', () => first.connected());
  await first.stop();
  const again = await startRealAgent(broker, { folder });
  await until('it is connected again', () => again.connected(), 10_000);
  await pause(10);
  await again.stop();
  await broker.stop();
  t.pass();
});
