/** Benchmark (f): what an agent at rest costs its host, with a stand-in for the DCV server that holds one session. */
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { stringify } from 'smol-toml';
import { createApiClient } from '../test/helpers/api-client.ts';
import { inFolder } from './folder.ts';
import { type AgentProcess, type BrokerProcess, startAgent, startBroker } from './processes.ts';
import type { Row } from './row.ts';

/** After the last event an agent looks often for half a minute. */
const SETTLING_MS = 60_000;
const MEASURED_MS = 120_000;
const PATIENCE_MS = 60_000;
const MOST_MEBIBYTES = 80;
const MOST_PERCENT = 1;
const MEBIBYTE = 2 ** 20;
const STAND_IN = fileURLToPath(new URL('../test/dcv-stand-in/dcv.js', import.meta.url));

export function benchAgent(): Promise<readonly Row[]> {
  return inFolder('agent', async (folder) => {
    const broker = await startBroker(join(folder, 'data'));
    const agent = startAgent(await writeConfig(folder, broker));
    try {
      await makeSession(broker);
      await sleep(SETTLING_MS);
      return await measure(agent);
    } finally {
      await agent.stop();
      await broker.stop();
    }
  });
}

async function writeConfig(folder: string, { connection }: BrokerProcess): Promise<string> {
  const dcv = join(folder, 'dcv');
  await writeFile(dcv, `#!/bin/sh\nexec '${process.execPath}' '${STAND_IN}' '${join(folder, 'dcv-server')}' "$@"\n`);
  await chmod(dcv, 0o755);
  const agent = {
    broker_host: connection.agentHost,
    broker_port: connection.agentPort,
    ca_file: connection.caFile,
    software_statement_path: connection.softwareStatementFile,
    dcv_root: dcv,
  };
  const log = { directory: join(folder, 'log') };
  await mkdir(log.directory);
  const file = join(folder, 'agent.conf');
  await writeFile(file, stringify({ version: '0.1', agent, log, berth: { state_folder: join(folder, 'state') } }));
  return file;
}

async function makeSession({ connection }: BrokerProcess): Promise<void> {
  const client = await createApiClient(connection);
  await client.createSessions([{ Name: 'bench', Owner: 'ann', Type: 'VIRTUAL', EnqueueRequest: true }]);
  for (const end = performance.now() + PATIENCE_MS; ; await sleep(200)) {
    const [session] = await client.describeSessions();
    if (session?.State === 'READY') return client.close();
    if (performance.now() > end) throw new Error(`The session is ${session?.State}: ${session?.StateReason}`);
  }
}

async function measure(agent: AgentProcess): Promise<readonly Row[]> {
  const before = [await agent.processorSeconds(), await agent.childSeconds()] as const;
  await sleep(MEASURED_MS);
  const own = (await agent.processorSeconds()) - before[0];
  const children = (await agent.childSeconds()) - before[1];
  const percent = (seconds: number): number => (seconds * 100_000) / MEASURED_MS;
  const time = { unit: '% of a processor', baseline: `at most ${MOST_PERCENT} %` };
  const resident = (await agent.resident()) / MEBIBYTE;
  const memory = { unit: 'MiB', baseline: `at most ${MOST_MEBIBYTES} MiB`, ratio: resident / MOST_MEBIBYTES };
  return [
    { name: 'memory of an agent at rest, with one session', value: resident, ...memory, aim: '<= 1' },
    { name: 'its processor time', value: percent(own), ...time, ratio: percent(own) / MOST_PERCENT, aim: '<= 1' },
    {
      name: 'that of the dcv programs it runs (a stand-in on Node.js)',
      value: percent(children),
      ...time,
      ratio: percent(children) / MOST_PERCENT,
    },
  ];
}
