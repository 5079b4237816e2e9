import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { STATE_FILES } from '../../agent/identity.ts';
import { sessionId } from '../../domain/ids.ts';
import type { Order, Report } from '../../domain/ports/agent-link.ts';
import { STATEMENT, startTestBroker } from '../helpers/agent-broker.ts';
import { newFolder } from '../helpers/real-agent.ts';
import { until } from '../helpers/until.ts';

const COMMAND = fileURLToPath(new URL('../../adapters/cli/berth.js', import.meta.url));

const startProcess = (config: string): ChildProcess => spawn(process.execPath, [COMMAND, 'agent', '--config', config], { stdio: 'ignore' });

const dead = (child: ChildProcess): Promise<void> => new Promise((resolve) => child.once('exit', () => resolve()));

t.test('an agent that is killed loses no fact and does no order twice', async (t) => {
  const broker = await startTestBroker();
  const folder = await newFolder();
  const config = join(folder, 'agent.conf');
  await writeFile(join(folder, 'statement'), STATEMENT);
  await writeFile(
    config,
    `version = '0.1'
[agent]
broker_host = '127.0.0.1'
broker_port = ${broker.port}
ca_file = '${broker.caFile}'
software_statement_path = '${folder}/statement'
tags_folder = '${folder}'
[log]
directory = '-'
[berth]
driver = 'simulated'
state_folder = '${folder}/state'
[berth.simulated]
latency_ms_min = 0
latency_ms_max = 0
`,
  );
  const order: Order = {
    kind: 'create-session',
    orderId: 'create-session:a:1',
    sessionId: sessionId('a'),
    attempt: 1,
    spec: { name: 'desk', owner: 'ann', sessionType: 'VIRTUAL' },
  };
  broker.outstanding.push(order);
  const offered: Report[] = [];
  broker.behave(async (reports) => {
    offered.push(...reports);
    return [];
  });
  const first = startProcess(config);
  t.teardown(() => first.kill('SIGKILL'));
  await until('the outcome is offered', () => offered.length > 0, 30_000);
  // It is offered while it is being written. One that was not is made again from the order, under another id.
  const outbox = join(folder, 'state', STATE_FILES.outbox);
  await until('the outcome is on disk', () => existsSync(outbox) && readFileSync(outbox, 'utf8').includes(String(offered[0]?.reportId)));
  first.kill('SIGKILL');
  await dead(first);

  const taken: Report[] = [];
  broker.behave(async (reports) => {
    taken.push(...reports);
    return reports.map(({ reportId }) => reportId);
  });
  const second = startProcess(config);
  t.teardown(() => second.kill('SIGKILL'));
  await until('the outcome is taken', () => taken.length > 0, 30_000);
  t.equal(taken[0]?.reportId, offered[0]?.reportId);
  t.match(taken[0], { kind: 'session-started', sessionId: 'a', attempt: 1 });
  const [, greeting] = broker.heard.greetings;
  t.equal(greeting?.serverId, broker.heard.greetings[0]?.serverId);
  t.match(greeting?.sessions, [{ sessionId: 'a', attempt: 1 }]);
  t.equal(broker.clients.size, 1, 'it did not enrol again');
  broker.outstanding.length = 0;
  const serverId = greeting?.serverId;
  t.ok(serverId !== undefined && broker.connections.send(serverId, order));
  await until('the order that came again is answered again', () => taken.length > 1);
  t.ok(
    taken.every(({ kind }) => kind === 'session-started'),
    'and was not done again, for then it would have failed',
  );

  second.kill('SIGTERM');
  await dead(second);
  t.equal(second.exitCode, 0);
  await broker.stop();
});
