/** A host that an agent could run on, with files, a fake `dcv` and a broker of its own, and what a check finds of it. */
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'smol-toml';
import type { Test } from 'tap';
import { systemClock, systemRandom } from '../../adapters/system.ts';
import type { Finding } from '../../agent/check/finding.ts';
import { checkHost } from '../../agent/check/host.ts';
import type { World } from '../../agent/check/world.ts';
import { startTestBroker, type TestBroker, type TestBrokerOptions } from './agent-broker.ts';

/** As a broker issues them. */
const LOOKS_RIGHT = Buffer.from(JSON.stringify({ id: 'x' })).toString('base64');

export interface CheckedHost {
  readonly folder: string;
  readonly broker: TestBroker;
  readonly world: World;
  readonly configFile: string;
  readonly dcvConf: string;
  inFolder(name: string): string;
  /** Writes agent.conf, with these keys of `[agent]` and `[berth]` besides. */
  configure(agent?: object, berth?: object): Promise<void>;
  /** What stands below `[security]` in dcv.conf. */
  configureDcv(lines: string): Promise<void>;
  /** The program `dcv`: the body of a shell script, with the command as `$1`. */
  installDcv(script: string): Promise<void>;
  check(changes?: Partial<World>): Promise<readonly Finding[]>;
}

const WELL_SCRIPT = 'if [ "$1" = version ]; then echo "Amazon DCV 2024.0 (r17979)"; else echo "[]"; fi';

/** All is well with it, but that its agent is not enrolled. */
export async function checkedHost(t: Test, options: TestBrokerOptions = {}): Promise<CheckedHost> {
  const folder = await mkdtemp(join(tmpdir(), 'berth-check-'));
  const inFolder = (name: string): string => join(folder, name);
  const broker = await startTestBroker({ statement: LOOKS_RIGHT, ...options });
  t.teardown(async () => {
    await broker.stop();
    await rm(folder, { recursive: true, force: true });
  });
  const [configFile, dcvConf] = [inFolder('agent.conf'), inFolder('dcv.conf')];
  const world: World = {
    clock: systemClock,
    random: systemRandom,
    platform: 'linux',
    user: { name: 'dcvsmagent', isRoot: false },
    dcvConf,
    environment: {},
    mayEnrol: false,
    resolve: async (host) => [host],
    limits: { networkMs: 10_000, programMs: 20_000 },
  };
  const host: CheckedHost = {
    folder,
    broker,
    world,
    configFile,
    dcvConf,
    inFolder,
    async configure(agent = {}, berth = {}) {
      const settings = {
        broker_host: '127.0.0.1',
        broker_port: broker.port,
        ca_file: broker.caFile,
        software_statement_path: inFolder('statement'),
        init_folder: inFolder('init'),
        autorun_folder: inFolder('autorun'),
        tags_folder: inFolder('tags'),
        dcv_root: inFolder('dcv'),
      };
      const log = { directory: inFolder('log') };
      const ours = { state_folder: inFolder('state'), ...berth };
      await writeFile(configFile, stringify({ version: '0.1', agent: { ...settings, ...agent }, log, berth: ours }));
    },
    configureDcv: (lines) => writeFile(dcvConf, `[security]\n${lines}\n`),
    async installDcv(script) {
      await writeFile(inFolder('dcv'), `#!/bin/sh\n${script}\n`);
      await chmod(inFolder('dcv'), 0o755);
    },
    async check(changes = {}) {
      const findings: Finding[] = [];
      for await (const finding of checkHost(configFile, { ...world, ...changes })) findings.push(finding);
      return findings;
    },
  };
  for (const name of ['init', 'autorun', 'tags', 'log', 'state']) await mkdir(inFolder(name));
  await writeFile(inFolder('statement'), LOOKS_RIGHT);
  await writeFile(inFolder('tags/team.toml'), 'team = "design"');
  await host.configure();
  await host.installDcv(WELL_SCRIPT);
  const verifier = `https://127.0.0.1:${broker.port}/agent/validate-authentication-token`;
  await host.configureDcv(`administrators=["root", 'dcvsmagent']\nauth-token-verifier="${verifier}"\nca-file='${broker.caFile}'`);
  return host;
}

/** `fail: broker name`, for all that is not well. */
export const troubles = (findings: readonly Finding[]): readonly string[] =>
  findings.filter(({ mark }) => mark !== 'ok').map(({ mark, check }) => `${mark}: ${check}`);

export const about = (findings: readonly Finding[], check: string): Finding | undefined => findings.find((each) => each.check === check);
