import { writeFile } from 'node:fs/promises';
import { hostname, networkInterfaces, totalmem } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { systemClock } from '../../../adapters/system.ts';
import { serverDescription, telemetry } from '../../../adapters/wire/agent-parts.ts';
import { addressAmong, defaultInterface } from '../../../agent/host-facts/address.ts';
import { createDnsNames, nameOfAddress } from '../../../agent/host-facts/dns-name.ts';
import { basicHardware, hardwareFrom } from '../../../agent/host-facts/hardware.ts';
import { createHostFacts, type HostSettings, type Machine, thisMachine } from '../../../agent/host-facts/host-facts.ts';
import { createInstanceMetadata } from '../../../agent/host-facts/instance-metadata.ts';
import { createBusyAverage } from '../../../agent/host-facts/load.ts';
import { readMemory } from '../../../agent/host-facts/memory.ts';
import { startMetadataService } from '../../helpers/instance-metadata.ts';
import { newFolder, recordingLogger } from '../../helpers/real-agent.ts';
import { createSimulatedClock } from '../../helpers/simulated-clock.ts';

const SETTINGS: HostSettings = { queryLoggedInUsers: false };
const NOBODY = { instance: async () => undefined };

/** What only the DCV server and the configuration add. */
const REST = {
  version: '',
  port: 8443,
  webUrlPath: '/',
  endpoints: [],
  tags: [],
  agentVersion: '',
  maxVirtualSessions: -1,
  maxSessionsPerOwner: 1,
};

function factsOf(changes: Partial<Machine>, settings = SETTINGS) {
  const log = recordingLogger();
  const clock = createSimulatedClock();
  const machine = { ...thisMachine(clock), metadata: NOBODY, ...changes };
  return { log, clock, facts: createHostFacts(settings, { clock, log }, machine) };
}

t.test('this machine is described in full, in a form that the wire takes', async (t) => {
  let runs = 0;
  const real = thisMachine(systemClock);
  const { facts, log } = factsOf({
    run(...call) {
      runs += 1;
      return real.run(...call);
    },
  });
  const described = await facts.describe();
  t.match(serverDescription.safeParse({ ...REST, ...described }), { success: true });
  t.equal(described.hostname, hostname());
  t.equal(described.os.family, 'linux');
  t.match(described.os.name, /[a-z]/i);
  t.not(described.os.name, 'Linux', 'the name is that of the distribution');
  t.ok(described.cpu.numberOfCpus >= 1);
  t.ok(described.cpu.physicalCoresPerCpu >= 1 && described.cpu.physicalCoresPerCpu <= described.cpu.numberOfCpus);
  t.not(described.cpu.modelName, '');
  t.ok(Math.abs(described.memoryTotalBytes - totalmem()) < 0.2 * totalmem());
  const addresses = Object.values(networkInterfaces()).flatMap((each) => each?.map(({ address }) => address));
  t.ok([...addresses, '127.0.0.1'].includes(described.ip));
  t.equal(described.aws, undefined);
  t.same(await facts.describe(), described);
  t.equal(runs, 1, 'what does not change is asked once');
  t.match(telemetry.safeParse(await facts.telemetry()), { success: true });
  t.type(await facts.loggedInUsers(), Array);
  t.same(log.lines, []);
});

t.test('on EC2 the instance is part of the description, and its private name is the DNS name', async (t) => {
  const service = await startMetadataService(t);
  const { facts } = factsOf({ metadata: createInstanceMetadata(service.url, systemClock), hostname: () => 'short' });
  t.match(await facts.describe(), {
    aws: { region: 'eu-west-1', instanceType: 'g5.xlarge', instanceId: 'i-0123', imageId: 'ami-1' },
    defaultDnsName: 'ip-10-0-0-4.eu-west-1.compute.internal',
  });
});

t.test('hardware that cannot be found out is what Node knows, and looked for again later', async (t) => {
  let works = false;
  const { run } = thisMachine(systemClock);
  const { facts, log, clock } = factsOf({ run: (...call) => (works ? run(...call) : Promise.resolve({ ok: false, stdout: '' })) });
  t.match(await facts.describe(), { os: { family: 'linux', name: 'Linux' }, gpus: [] });
  t.match(log.lines, [{ level: 'warn' }]);
  works = true;
  t.match(await facts.describe(), { os: { name: 'Linux' } });
  await clock.advance(600_000);
  t.not((await facts.describe()).os.name, 'Linux');
});

t.test('what the library finds is put in our words', async (t) => {
  const found = {
    distro: 'Microsoft Windows Server 2022 Datacenter',
    release: '10.0.20348',
    kernel: '10.0.20348',
    build: '20348',
    vendor: 'GenuineIntel',
    manufacturer: 'Intel',
    brand: 'Xeon Platinum 8259CL',
    cores: 16,
    physicalCores: 8,
    processors: 2,
    gpus: [
      { vendor: 'NVIDIA Corporation', model: 'TU104GL [Tesla T4]' },
      { vendor: 'Amazon.com, Inc.', model: 'Device 1111' },
      { vendor: 'Microsoft', model: 'Microsoft Basic Display Adapter' },
      { vendor: '', model: '' },
    ],
  };
  const nothing = { os: { family: 'windows', name: 'Windows_NT', version: '' }, gpus: [] };
  const cpu = { vendor: '', modelName: '', architecture: 'x86_64', numberOfCpus: 4, physicalCoresPerCpu: 4 };
  t.same(hardwareFrom(found, { ...nothing, cpu }), {
    os: {
      family: 'windows',
      name: 'Microsoft Windows Server 2022 Datacenter',
      version: '10.0.20348',
      kernelVersion: '10.0.20348',
      buildNumber: '20348',
    },
    cpu: {
      vendor: 'GenuineIntel',
      modelName: 'Intel Xeon Platinum 8259CL',
      architecture: 'x86_64',
      numberOfCpus: 16,
      physicalCoresPerCpu: 4,
    },
    gpus: [{ vendor: 'NVIDIA Corporation', modelName: 'TU104GL [Tesla T4]' }],
  });
  const empty = {
    ...found,
    distro: '',
    release: '',
    kernel: '',
    build: '',
    vendor: '',
    cores: 0,
    physicalCores: 0,
    processors: 0,
    gpus: [],
  };
  t.match(hardwareFrom(empty, { ...nothing, cpu }), {
    os: { name: 'Windows_NT' },
    cpu: { vendor: 'Intel', numberOfCpus: 4, physicalCoresPerCpu: 4 },
  });
  for (const [platform, family] of [
    ['win32', 'windows'],
    ['darwin', 'macos'],
  ] as const) {
    t.equal((await basicHardware(platform)).os.family, family);
  }
});

t.test('the address is that of the preferred interface, else of the one that leads to everywhere, else any', async (t) => {
  const ipv4 = (address: string, internal = false) => ({ address, family: 'IPv4' as const, internal });
  const ipv6 = (address: string) => ({ address, family: 'IPv6' as const, internal: false });
  const interfaces = {
    lo: [ipv4('127.0.0.1', true)],
    docker0: [ipv4('172.17.0.1')],
    eth0: [ipv6('fe80::1'), ipv6('2001:db8::1'), ipv4('10.0.0.4')],
    'Ethernet 2': [ipv6('2001:db8::2')],
    dead: [ipv4('169.254.1.1')],
    none: undefined,
  };
  t.equal(addressAmong(interfaces, ['ethernet 2', 'eth0']), '2001:db8::2');
  t.equal(addressAmong(interfaces, [undefined, 'eth0']), '10.0.0.4');
  t.equal(addressAmong(interfaces, ['dead', 'eth0']), '10.0.0.4');
  t.equal(addressAmong(interfaces, []), '172.17.0.1');
  t.equal(addressAmong({ lo: interfaces.lo, 'Ethernet 2': interfaces['Ethernet 2'] }, []), '2001:db8::2');
  t.equal(addressAmong({ lo: interfaces.lo }, []), '127.0.0.1');
  const routes = join(await newFolder(), 'route');
  await writeFile(
    routes,
    [
      'Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT',
      'wlan0\t00000000\t0100000A\t0003\t0\t0\t600\t00000000\t0\t0\t0',
      'eth0\t00000000\t0100000A\t0003\t0\t0\t100\t00000000\t0\t0\t0',
      'eth1\t0000000A\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0',
    ].join('\n'),
  );
  t.equal(await defaultInterface(routes), 'eth0');
  t.equal(await defaultInterface('/no/such/file'), undefined);
});

t.test('an interface of the preferred name that is not there is said once', async (t) => {
  const { facts, log } = factsOf({}, { ...SETTINGS, preferredNetworkInterface: 'eth99' });
  await facts.describe();
  await facts.describe();
  t.match(log.lines, [{ level: 'warn', fields: { preferred: 'eth99' } }]);
  t.equal(log.lines.length, 1);
});

t.test('a short host name is completed by what its address is called', async (t) => {
  const clock = createSimulatedClock();
  const asked: string[] = [];
  const names = (answer: string | Error) =>
    createDnsNames(async (address) => {
      asked.push(address);
      if (answer instanceof Error) throw answer;
      return answer;
    }, clock);
  t.equal(await names('x.example').of('full.example', '10.0.0.4'), 'full.example');
  t.same(asked, []);
  const good = names('host.example');
  t.equal(await good.of('host', '10.0.0.4'), 'host.example');
  t.equal(await good.of('host', '10.0.0.4'), 'host.example');
  t.equal(asked.length, 1);
  await clock.advance(3_600_000);
  await good.of('host', '10.0.0.4');
  t.equal(asked.length, 2);
  for (const bad of ['10.0.0.4', 'localhost.localdomain', 'host', new Error('NXDOMAIN')]) {
    t.equal(await names(bad).of('host', '10.0.0.4'), undefined, String(bad));
  }
  const silent = createDnsNames(() => new Promise(() => undefined), clock).of('host', '10.0.0.4');
  await clock.advance(1000);
  t.equal(await silent, undefined);
  t.type(await nameOfAddress('127.0.0.1').catch(() => ''), 'string');
});

t.test('memory is what programs could not get any more', async (t) => {
  const meminfo = join(await newFolder(), 'meminfo');
  await writeFile(
    meminfo,
    'MemTotal:       1000 kB\nMemFree:         100 kB\nMemAvailable:    600 kB\nSwapTotal:       50 kB\nSwapFree:        20 kB\n',
  );
  t.same(await readMemory('linux', meminfo), { total: 1_024_000, used: 409_600, swapTotal: 51_200, swapUsed: 30_720 });
  const other = await readMemory('darwin');
  t.equal(other.total, totalmem());
  t.ok(other.used > 0 && other.used < other.total && other.swapUsed >= 0);
});

t.test('on Windows the load is how many processors were busy, averaged', async (t) => {
  let [busy, idle] = [100_000, 300_000];
  const read = () => Array.from({ length: 4 }, () => ({ times: { user: busy / 2, nice: 0, sys: busy / 2, irq: 0, idle } }));
  const load = createBusyAverage(read);
  t.same(load(), [1, 1, 1], 'the first is the mean since the start');
  t.same(load(), [1, 1, 1], 'no time has passed');
  busy += 60_000;
  const [one, five, fifteen] = load();
  t.ok(one > 2.8 && one < 3, 'a minute of full work of four processors');
  t.ok(five > 1.5 && five < 1.6);
  t.ok(fifteen > 1.1 && fifteen < 1.3);
  idle += 3_600_000;
  t.ok(load()[0] < 0.001);
  t.same(createBusyAverage(() => [])(), [0, 0, 0]);
});

t.test('on Windows users are asked for only where the configuration says so', async (t) => {
  const run: Machine['run'] = async () => ({
    ok: true,
    stdout: ' ann                   rdp-tcp#3           2  Active          .  1/1/2026',
  });
  const users = (queryLoggedInUsers: boolean) => factsOf({ platform: 'win32', run }, { queryLoggedInUsers }).facts.loggedInUsers();
  t.same(await users(false), []);
  t.same(await users(true), ['ann']);
});
