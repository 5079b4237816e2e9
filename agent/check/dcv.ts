/** The DCV server of this host: its program, whether it runs, and whether its settings let this agent and its users in. */
import { readFile } from 'node:fs/promises';
import type { AgentConfig } from '../config.ts';
import { messageOf } from '../thrown.ts';
import { type DcvConf, parseDcvConf, textOf, textsOf } from './dcv-conf.ts';
import { type Finding, fail, ok, warn } from './finding.ts';
import { certificateOf, type Door, reach, shakeHands } from './handshake.ts';
import { type Ran, run } from './program.ts';
import type { World } from './world.ts';

type Settings = Pick<AgentConfig, 'dcvPath' | 'driver' | 'brokers'>;

export async function* checkDcv(config: Settings, world: World): AsyncIterable<Finding> {
  if (config.driver === 'simulated') {
    yield ok('dcv', 'The DCV server is simulated, so nothing is looked at.');
    return;
  }
  const program = await checkProgram(config.dcvPath, world);
  yield program;
  if (program.mark === 'ok') yield await checkServer(config.dcvPath, world);
  if (world.dcvConf === undefined) return;
  const text = await readFile(world.dcvConf, 'utf8').catch((error: Error) => error);
  if (text instanceof Error) {
    yield fail('dcv.conf', `It cannot be read: ${text.message}.`, `Let ${world.user.name} read it: chmod o+r ${world.dcvConf}`);
    return;
  }
  const conf = parseDcvConf(text);
  yield checkAdministrators(conf, world);
  yield* checkVerifier(conf, config, world);
}

async function checkProgram(path: string, { limits }: World): Promise<Finding> {
  const check = 'dcv';
  const ran = await run(path, ['version'], limits.programMs);
  if ('failed' in ran)
    return fail(check, failureOf(path, ran, limits.programMs), 'Install the DCV server, or correct dcv_root in agent.conf.');
  const [version = ''] = ran.stdout.trim().split('\n');
  if (ran.code !== 0 || version === '')
    return fail(check, `${path} version ended with ${sayingOf(ran)}.`, 'Install the DCV server anew, or correct dcv_root in agent.conf.');
  return ok(check, version.slice(0, MAX_SAYING));
}

/** The question that the agent asks all the time. */
async function checkServer(path: string, { limits }: World): Promise<Finding> {
  const check = 'dcv server';
  const mend = 'Start it: systemctl start dcvserver  (its log is in /var/log/dcv)';
  const ran = await run(path, ['list-sessions', '--json'], limits.programMs);
  if ('failed' in ran) return fail(check, failureOf(`${path} list-sessions`, ran, limits.programMs), mend);
  if (ran.code !== 0) return fail(check, `It does not tell its sessions: ${sayingOf(ran)}.`, mend);
  const count = countOf(ran.stdout);
  return count === undefined
    ? fail(check, 'Its list of sessions is not JSON.', 'Install a newer DCV server.')
    : ok(check, `It runs, with ${count} sessions.`);
}

const MAX_SAYING = 200;

function sayingOf({ code, stderr, stdout }: Extract<Ran, { readonly code: number }>): string {
  const [line = ''] = (stderr.trim() || stdout.trim()).split('\n');
  return line === '' ? `exit code ${code}` : line.slice(0, MAX_SAYING).replace(/\.$/, '');
}

function failureOf(path: string, { failed }: Extract<Ran, { readonly failed: string }>, timeoutMs: number): string {
  if (failed === 'missing') return `There is no program ${path}.`;
  if (failed === 'forbidden') return `This user may not run ${path}.`;
  return failed === 'late' ? `${path} does not end within ${timeoutMs / 1000} s.` : `${path} cannot be run: ${failed}.`;
}

function countOf(json: string): number | undefined {
  try {
    const list: unknown = JSON.parse(json);
    return Array.isArray(list) ? list.length : undefined;
  } catch {
    return undefined;
  }
}

function checkAdministrators(conf: DcvConf, { user, dcvConf }: World): Finding {
  const check = 'administrators';
  const names = textsOf(conf('security', 'administrators') ?? '');
  if (names.includes(user.name)) return ok(check, `${user.name} is one`);
  if (user.isRoot) return ok(check, `root needs not be one; ${names.join(', ') || 'nobody'} is`);
  return fail(
    check,
    `${user.name} may not manage sessions: it is not among the administrators (${names.join(', ') || 'nobody is'}).`,
    `Set  administrators=[${[...names, user.name].map((name) => `"${name}"`).join(', ')}]  below [security] in ${dcvConf} and restart dcvserver.`,
  );
}

const VERIFIER_PATH = '/agent/validate-authentication-token';

async function* checkVerifier(conf: DcvConf, { brokers }: Settings, world: World): AsyncIterable<Finding> {
  const check = 'token verifier';
  const [first] = brokers;
  const right = `https://${first?.host}:${first?.port}${VERIFIER_PATH}`;
  const mend = `Set  auth-token-verifier="${right}"  below [security] in ${world.dcvConf} and restart dcvserver.`;
  const value = textOf(conf('security', 'auth-token-verifier') ?? '');
  const url = URL.canParse(value) ? new URL(value) : undefined;
  if (url === undefined) {
    const what = value === '' ? 'None is set' : `"${value}" is no address`;
    yield fail(check, `${what}, so connection tokens let nobody in.`, mend);
  } else if (url.protocol !== 'https:' || url.pathname !== VERIFIER_PATH) {
    yield fail(check, `${value} is not where a broker answers, so connection tokens let nobody in.`, mend);
  } else {
    const door = { host: url.hostname.replace(/^\[(.*)\]$/, '$1'), port: Number(url.port || 443) };
    const isOurs = brokers.some(({ host, port }) => host === door.host && port === door.port);
    yield isOurs
      ? ok(check, value)
      : warn(
          check,
          `${value} is at none of the brokers in agent.conf.`,
          `Leave it if that leads to a broker on the same log; otherwise: ${mend}`,
        );
    yield await checkVerifierCertificate(conf, door, world);
  }
}

/** The DCV server trusts brokers by a file of its own. */
async function checkVerifierCertificate(conf: DcvConf, door: Omit<Door, 'address'>, world: World): Promise<Finding> {
  const check = 'verifier certificate';
  const caFile = textOf(conf('security', 'ca-file') ?? '') || undefined;
  if (conf('security', 'no-tls-strict') === 'true') {
    return warn(
      check,
      'Anybody could pass for the broker: no-tls-strict is set.',
      `Take no-tls-strict out of ${world.dcvConf} and restart dcvserver.`,
    );
  }
  const mend = `Set  ca-file="FILE"  below [security] in ${world.dcvConf}, FILE a copy of tls/ca.pem of the broker, and restart dcvserver.`;
  const ca = caFile === undefined ? undefined : await readFile(caFile, 'utf8').catch((error: Error) => error);
  if (ca instanceof Error) return fail(check, `Its ca-file cannot be read: ${ca.message}.`, mend);
  try {
    const fault = await faultOf(door, ca, world);
    if (fault === undefined) return ok(check, `The DCV server trusts ${door.host}.`);
    return fail(check, `The DCV server does not trust ${door.host} (${fault}).`, mend);
  } catch (error) {
    return fail(
      check,
      `${door.host} cannot be asked: ${messageOf(error)}.`,
      'Correct auth-token-verifier, or mend what is said of the broker.',
    );
  }
}

async function faultOf(door: Omit<Door, 'address'>, ca: string | undefined, { resolve, limits }: World): Promise<string | undefined> {
  const [address = door.host] = await resolve(door.host);
  const whole = { ...door, address };
  const socket = await shakeHands(await reach(whole, limits.networkMs), whole, ca, limits.networkMs);
  const { fault } = certificateOf(socket);
  socket.destroy();
  return fault;
}
