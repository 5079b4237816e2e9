/** Text that callers choose, on its way into log lines, terminals and answers: it stays text. */
import { readFile } from 'node:fs/promises';
import t from 'tap';
import { createLogger } from '../../adapters/logging.ts';
import { serverId } from '../../domain/ids.ts';
import { BERTH, runModule } from '../helpers/berth-process.ts';
import { greeting } from '../helpers/raw-agent.ts';
import { description } from '../helpers/samples.ts';
import { prepareGround } from './ground.ts';

/** A line of its own that looks like one of ours, colours, a new title for the window, and text that runs backwards. */
const EVIL = 'x\r\n{"level":"fatal","program":"broker","msg":"forged"}\n\u001b[2J\u001b]0;pwned\u0007\u202e\u2028y';
const CONTROL = /[^\P{Cc}\n]|[\u202e\u2028]/u;

t.test('names that agents and clients give themselves forge no line of the log, and do not steer a terminal', async (t) => {
  const { broker, tokens, agentClient, post } = await prepareGround(t, { bare: true, flags: ['--log-level', 'debug'] });
  const statement = (await readFile(broker.connection.softwareStatementFile, 'utf8')).trim();
  await post('agent', '/agent/register', JSON.stringify({ client_name: EVIL, software_statement: statement }));
  await post('agent', '/agent/register', JSON.stringify({ client_name: EVIL, software_statement: EVIL }));
  const token = await tokens.issueAccessToken({ audience: 'agent', clientId: agentClient.id, lifetimeSeconds: 600 }, Date.now());
  const described = description({ hostname: EVIL, tags: [{ key: 'evil', value: EVIL }], version: EVIL });
  const greeted = await post(
    'agent',
    '/agent/connect',
    JSON.stringify(greeting({ serverId: serverId('ZXZpbA'), description: described })),
    { authorization: `Bearer ${token}` },
  );
  t.equal(greeted.status, 200);
  const created = await broker.client.createSessions([
    { Name: EVIL, Owner: 'ann', Type: 'VIRTUAL' },
    { Name: 'desk', Owner: EVIL, Type: 'VIRTUAL' },
    { Name: 'desk', Owner: 'ann', Type: 'VIRTUAL', Requirements: EVIL },
  ]);
  t.equal(created.UnsuccessfulList?.length, 3, 'no session is called so');
  await post('client', `/describeSessions?${encodeURIComponent(EVIL)}=1`, '{}');
  await post('client', '/oauth2/token', `grant_type=${encodeURIComponent(EVIL)}&client_id=${encodeURIComponent(EVIL)}`);

  const lines = broker.process
    .stderr()
    .split('\n')
    .filter((line) => line !== '');
  for (const line of lines) t.match(JSON.parse(line), { program: 'broker' }, 'every line of the log is one of ours');
  t.same(
    lines.filter((line) => (JSON.parse(line) as { msg: string }).msg === 'forged'),
    [],
  );
  t.notMatch(broker.process.stderr(), CONTROL);

  const { dataDir } = broker;
  for (const words of [
    ['list-agent-clients'],
    ['describe-servers', '--data-dir', dataDir],
    ['describe', 'servers', '--data-dir', dataDir],
    ['describe', 'sessions', '--data-dir', dataDir],
    ['audit', '--data-dir', dataDir],
    ['audit', '--no-json', '--data-dir', dataDir],
    ['audit', '--csv', '--data-dir', dataDir],
  ]) {
    const run = runModule(t, BERTH, words.includes(dataDir) ? words : [...words, '--data-dir', dataDir], { bare: true });
    const code = await run.ended;
    t.type(code, 'number', words.join(' '));
    const said = words.includes('--csv') ? run.stdout().replaceAll('\r\n', '\n') : run.stdout();
    t.notMatch(`${said}${run.stderr()}`, /[^\P{Cc}\n]/u, words.filter((word) => word !== dataDir).join(' '));
  }
});

t.test('what stands in a line for people is in that line, and steers nothing', async (t) => {
  const lines: string[] = [];
  const logger = createLogger({ program: 'broker', level: 'debug', human: true, write: (line) => lines.push(line) });
  logger.warn({ name: EVIL, more: [EVIL] }, `It is called ${EVIL}`);
  t.equal(lines.length, 1);
  t.match(lines.join(''), /^[^\n]*\n$/);
  t.notMatch(lines.join(''), CONTROL);
});
