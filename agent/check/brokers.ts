/** Whether each broker can be reached, is the one it should be, and goes by the same time. */
import type { Socket } from 'node:net';
import type { BrokerTrust } from '../broker-http.ts';
import type { BrokerAddress, BrokerTarget } from '../brokers.ts';
import { messageOf } from '../thrown.ts';
import { type Finding, fail, ok, warn } from './finding.ts';
import { askHealth, type Certificate, certificateOf, type Door, type Health, reach, shakeHands } from './handshake.ts';
import type { World } from './world.ts';

/** How the agent would trust a broker, and what its file for that is called. */
export interface Trust extends BrokerTrust {
  readonly caFile: string | undefined;
}

const DAY_MS = 24 * 60 * 60_000;
/** A broker renews its certificate when it starts; those that run longer than this are to be started again. */
const EXPIRES_SOON_MS = 14 * DAY_MS;
/** What a clock may differ before somebody is told, and before times in answers are of no use. */
const [SKEW_WARNED_MS, SKEW_FAILED_MS] = [5_000, 300_000];

/** What was found of one broker; the addresses at which it is well are told to `usable`. */
export async function* checkBroker(
  target: BrokerTarget,
  trust: Trust,
  world: World,
  usable: (broker: BrokerAddress) => void,
): AsyncIterable<Finding> {
  const { host, port } = target;
  const addresses = await world.resolve(host).catch((error: NodeJS.ErrnoException) => error);
  if (addresses instanceof Error || addresses.length === 0) {
    const why = addresses instanceof Error ? ` (${addresses.message})` : '';
    yield fail('broker name', `${host} cannot be looked up${why}.`, 'Correct broker_host in agent.conf, or the name server of this host.');
    return;
  }
  yield ok('broker name', addresses.includes(host) ? host : `${host} is ${addresses.join(', ')}`);
  for (const address of new Set(addresses)) {
    let isWell = true;
    for await (const finding of checkDoor({ host, port, address }, trust, world)) {
      isWell &&= finding.mark !== 'fail';
      yield finding;
    }
    if (isWell) usable({ host, port, address });
  }
}

async function* checkDoor(door: Door, trust: Trust, world: World): AsyncIterable<Finding> {
  const place = `${door.address} port ${door.port}`;
  const { networkMs } = world.limits;
  const socket = await reach(door, networkMs).catch((error: NodeJS.ErrnoException) => error);
  if (socket instanceof Error) {
    const mend = SOCKET_MENDS[String(socket.code)] ?? 'Look at the network between this host and the broker.';
    yield fail('broker connection', `${place} cannot be reached: ${socket.message}.`, mend);
    return;
  }
  yield ok('broker connection', place);
  yield* checkTls(socket, door, trust, world);
}

const SOCKET_MENDS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'Start the broker, or correct broker_host and broker_port in agent.conf: nothing listens there.',
  ETIMEDOUT: 'Let this host through to that port in the firewall or security group of the broker.',
  EHOSTUNREACH: 'Give this host a route to the broker.',
  ENETUNREACH: 'Give this host a route to the broker.',
};

async function* checkTls(plain: Socket, door: Door, trust: Trust, { limits, clock }: World): AsyncIterable<Finding> {
  const socket = await shakeHands(plain, door, trust.ca, limits.networkMs).catch((error: Error) => error);
  if (socket instanceof Error) {
    yield fail(
      'broker certificate',
      `${door.host} does not speak TLS: ${socket.message}.`,
      'Correct broker_port in agent.conf: it is the port for agents.',
    );
    return;
  }
  yield judge(certificateOf(socket), door, trust, clock.now());
  const began = clock.now();
  const health = await askHealth(socket, door, limits.networkMs).catch((error: Error) => error);
  if (health instanceof Error)
    yield fail('broker', `${door.host} does not answer: ${messageOf(health)}.`, 'Look into the log of the broker.');
  else yield* judgeHealth(health, (began + clock.now()) / 2);
}

function judge(certificate: Certificate, { host }: Pick<Door, 'host'>, trust: Trust, now: number): Finding {
  const { fault, chain, until } = certificate;
  const check = 'broker certificate';
  const days = Math.floor((until - now) / DAY_MS);
  const what = `${chain.join(', by ')}, until ${new Date(until).toISOString().slice(0, 10)} (${days} days)`;
  if (!trust.tlsStrict)
    return warn(check, `Anybody could pass for the broker: tls_strict is off. It shows ${what}.`, 'Set tls_strict = true in agent.conf.');
  if (fault !== undefined)
    return fail(check, `The certificate of ${host} is not trusted (${fault}): ${what}.`, mendOf(fault, host, certificate, trust));
  if (until - now < EXPIRES_SOON_MS)
    return warn(check, `It expires soon: ${what}.`, 'Restart the broker, which renews its certificate then.');
  return ok(check, what);
}

function mendOf(fault: string, host: string, { names }: Certificate, { caFile }: Trust): string {
  if (fault === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    return `Use one of its names (${names}) as broker_host, or add ${host} to berth.certificate-names of the broker and restart it.`;
  }
  if (fault === 'CERT_HAS_EXPIRED') return 'Restart the broker, which renews its certificate then, or set the clock of this host.';
  if (fault === 'CERT_NOT_YET_VALID') return 'Set the clock of this host, or of the broker.';
  if (caFile === undefined) return 'Copy tls/ca.pem from the data folder of the broker and name the copy as ca_file in agent.conf.';
  return `Copy tls/ca.pem from the data folder of the broker to ${caFile} once more: it is not the authority of this broker.`;
}

function* judgeHealth({ status, time }: Health, now: number): Iterable<Finding> {
  if (status === 503) yield warn('broker', 'It is cut off from its log at the moment.', 'Look into the log of the broker.');
  else if (status !== 200)
    yield fail('broker', `It answers with status ${status}.`, 'Correct broker_port in agent.conf: another program answers there.');
  if (time === undefined) return;
  // The time comes in whole seconds, cut off.
  const skew = time + 500 - now;
  const seconds = `${(Math.abs(skew) / 1000).toFixed(1)} s ${skew > 0 ? 'behind' : 'ahead of'} the broker`;
  const mend = 'Set the clock by a time server on both hosts: timedatectl set-ntp true';
  if (Math.abs(skew) < SKEW_WARNED_MS) yield ok('clock', 'as the broker has it');
  else if (Math.abs(skew) < SKEW_FAILED_MS) yield warn('clock', `The clock of this host is ${seconds}.`, mend);
  else
    yield fail('clock', `The clock of this host is ${seconds}: times of sessions are wrong, certificates not yet or no longer good.`, mend);
}
