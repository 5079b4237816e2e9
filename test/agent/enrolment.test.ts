import { chmod, copyFile, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { createCredentials } from '../../agent/credentials.ts';
import { STATEMENT, startTestBroker } from '../helpers/agent-broker.ts';
import { certificatesIn } from '../helpers/certificates.ts';
import { newFolder, type RealAgent, recordingLogger, startRealAgent } from '../helpers/real-agent.ts';
import { createSimulatedClock } from '../helpers/simulated-clock.ts';
import { until } from '../helpers/until.ts';

const said = (agent: RealAgent, text: RegExp) =>
  until(String(text), () => agent.log.lines.some(({ fields, message }) => text.test(`${Object(fields).reason} ${message}`)));
const connected = (agent: RealAgent) => until('it is connected', () => agent.connected());

t.test('an agent that a broker asks for credentials, and has none, is told what to do', async () => {
  const broker = await startTestBroker();
  const agent = await startRealAgent(broker, { statement: null });
  await said(agent, /did not let this agent in: status 401.*generate-software-statement.* agent\.software_statement_path/);
  await agent.stop();
  await broker.stop();
});

t.test('a statement that is refused, missing or empty is said with its remedy', async () => {
  const broker = await startTestBroker();
  const folder = await newFolder();
  const agent = await startRealAgent(broker, { folder, statement: 'old' });
  await said(agent, /status 400, invalid_software_statement.* Have a new one made .*statement/);
  await writeFile(join(folder, 'statement'), '\n');
  await said(agent, /not enrolled: the file .*statement of agent\.software_statement_path is empty/);
  await rm(join(folder, 'statement'));
  await said(agent, /not enrolled: agent\.software_statement_path cannot be read: ENOENT/);
  await writeFile(join(folder, 'statement'), STATEMENT);
  await connected(agent);
  await agent.stop();
  await broker.stop();
});

t.test('an agent with the credentials of another broker joins one that asks for none', async (t) => {
  const folder = await newFolder();
  const strict = await startTestBroker();
  const first = await startRealAgent(strict, { folder });
  await connected(first);
  await first.stop();
  await strict.stop();
  const open = await startTestBroker({ anonymous: true });
  const agent = await startRealAgent(open, { folder, statement: null });
  await connected(agent);
  t.equal(open.tokens.size, 0);
  await agent.stop();
  await open.stop();
});

t.test('credentials that others can read are closed to them, and that is said', async (t) => {
  const broker = await startTestBroker();
  const folder = await newFolder();
  const path = join(folder, 'credentials.json');
  const first = await startRealAgent(broker, { folder });
  await connected(first);
  await first.stop();
  await chmod(path, 0o644);
  const agent = await startRealAgent(broker, { folder });
  await connected(agent);
  t.equal((await stat(path)).mode & 0o777, 0o600);
  const warnings = agent.log.lines.filter(({ message }) => message.includes('could be read by others'));
  t.match(warnings, [{ level: 'warn', fields: { path } }]);
  t.notMatch(JSON.stringify(agent.log.lines), JSON.parse(await readFile(path, 'utf8')).secret);
  await agent.stop();
  await writeFile(path, '{"id":');
  const damaged = await startRealAgent(broker, { folder });
  await said(damaged, /the credentials of this agent in .* are damaged; without that file and server-id beside it/);
  t.equal(await readFile(path, 'utf8'), '{"id":', 'nothing is thrown away');
  await damaged.stop();
  await broker.stop();
});

t.test('an authority that is exchanged, or comes late, counts from the next try on', async () => {
  const broker = await startTestBroker();
  const folder = await newFolder();
  const caFile = join(folder, 'broker-ca.pem');
  const agent = await startRealAgent({ port: broker.port, caFile }, { folder });
  await said(agent, /agent\.ca_file, cannot be read: ENOENT/);
  await writeFile(caFile, 'no certificate');
  await said(agent, /agent\.ca_file: there is no certificate \(PEM\) in /);
  await copyFile((await certificatesIn(await newFolder())).caFile, caFile);
  await said(agent, /does not answer: .*certificate/);
  await copyFile(broker.caFile, caFile);
  await connected(agent);
  await agent.stop();
  await broker.stop();
});

t.test('a broker that comes back with another certificate, and another authority, is found again', async () => {
  const folder = await newFolder();
  const first = await startTestBroker({ folder });
  const caFile = join(folder, 'known.pem');
  await copyFile(first.caFile, caFile);
  const agent = await startRealAgent({ port: first.port, caFile });
  await connected(agent);
  await first.stop();
  await rm(join(folder, 'broker.pem'), { force: true });
  const renewed = await startTestBroker({ folder, port: first.port, clients: first.clients });
  await until('the same authority is enough', () => renewed.heard.greetings.length > 0);
  await renewed.stop();
  const other = await startTestBroker({ port: first.port, clients: first.clients });
  await said(agent, /does not answer: .*certificate/);
  await copyFile(other.caFile, caFile);
  await until('the new authority is taken up', () => other.heard.greetings.length > 0);
  await agent.stop();
  await other.stop();
});

t.test('a token is renewed in time, and a clock that jumps costs one question at most', async (t) => {
  const clock = createSimulatedClock();
  const path = join(await newFolder(), 'credentials.json');
  await writeFile(path, '{"id":"a","secret":"b"}', { mode: 0o600 });
  let asked = 0;
  const http = {
    async post() {
      asked += 1;
      return { status: 200, body: { access_token: `token-${asked}`, expires_in: 3600 } };
    },
    open: () => Promise.reject(new Error('not asked for')),
    close: async () => undefined,
  };
  const credentials = createCredentials({ clock, log: recordingLogger(), clientName: 'x', path });
  t.equal(await credentials.authorization(http), 'Bearer token-1');
  await clock.advance(2_000_000);
  t.equal(await credentials.authorization(http), 'Bearer token-1');
  await clock.advance(1_000_000);
  t.equal(await credentials.authorization(http), 'Bearer token-2');
  clock.set(86_400_000);
  t.equal(await credentials.authorization(http), 'Bearer token-3', 'the clock is set forward');
  clock.set(-86_400_000);
  t.equal(await credentials.authorization(http), 'Bearer token-3', 'and back: the token is kept until the broker does not take it');
  credentials.refused();
  t.equal(await credentials.authorization(http), 'Bearer token-4');
});
