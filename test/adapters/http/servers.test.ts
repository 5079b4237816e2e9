/** describeServers, openServers and closeServers. */
import t from 'tap';
import { addServers, createTestApi } from '../../helpers/client-api.ts';
import { description } from '../../helpers/samples.ts';

t.test('a server is told with everything that is known of it', async (t) => {
  const api = await createTestApi(t);
  api.application.addServer({
    id: 'server-1',
    description: description({
      defaultDnsName: 'host-1.example',
      os: { family: 'windows', name: 'Windows Server', version: '2022', buildNumber: '20348' },
      gpus: [{ vendor: 'NVIDIA', modelName: 'L4' }],
      aws: { region: 'eu-west-1', instanceType: 'g6.xlarge', instanceId: 'i-1', imageId: 'ami-1' },
    }),
    telemetry: { memoryUsedBytes: 2 ** 33, swapUsedBytes: 1, cpuLoadAverage: [0.5, 0.25, 0.125] },
    loggedInUsers: ['ann'],
    unavailabilityReason: 'EXISTING_LOGGED_IN_USER',
    consoleSessions: 1,
    virtualSessions: 0,
  });
  const { body } = await api.call('POST', '/describeServers');
  t.match(body['RequestId'], /^[0-9a-f-]{36}$/);
  t.strictSame(body['Servers'], [
    {
      Id: 'server-1',
      Ip: '10.0.0.1',
      Hostname: 'host-1',
      DefaultDnsName: 'host-1.example',
      Port: '8443',
      Endpoints: [{ Port: 8443, WebUrlPath: '/', Protocol: 'HTTP' }],
      WebUrlPath: '/',
      Tags: [{ Key: 'dcv:os-family', Value: 'linux' }],
      Version: '2025.0.20177',
      SessionManagerAgentVersion: '0.1.0',
      Availability: 'UNAVAILABLE',
      UnavailabilityReason: 'EXISTING_LOGGED_IN_USER',
      ConsoleSessionCount: 1,
      VirtualSessionCount: 0,
      Host: {
        Os: { Family: 'windows', Name: 'Windows Server', Version: '2022', BuildNumber: '20348' },
        Memory: { TotalBytes: 2 ** 34, UsedBytes: 2 ** 33 },
        Swap: { TotalBytes: 0, UsedBytes: 1 },
        Aws: { Region: 'eu-west-1', EC2InstanceType: 'g6.xlarge', EC2InstanceId: 'i-1', EC2ImageId: 'ami-1' },
        CpuInfo: { Vendor: 'GenuineIntel', ModelName: 'Xeon', Architecture: 'x86_64', NumberOfCpus: 8, PhysicalCoresPerCpu: 4 },
        CpuLoadAverage: { OneMinute: 0.5, FiveMinutes: 0.25, FifteenMinutes: 0.125 },
        Gpus: [{ Vendor: 'NVIDIA', ModelName: 'L4' }],
        LoggedInUsers: [{ Username: 'ann' }],
      },
    },
  ]);
});

t.test('what is not known of a server is absent, and its lists are there all the same', async (t) => {
  const api = await createTestApi(t);
  addServers(api, 1);
  const { body } = await api.call('POST', '/describeServers', { ServerIds: ['server-1', 'nobody'] });
  const [server, ...others] = body['Servers'] as Record<string, unknown>[];
  t.strictSame(others, []);
  t.match(server, { Availability: 'AVAILABLE' });
  t.notOk('UnavailabilityReason' in (server ?? {}));
  t.strictSame(server?.['Host'], {
    Os: { Family: 'linux', Name: 'Debian GNU/Linux', Version: '12', KernelVersion: '6.1.0' },
    Memory: { TotalBytes: 2 ** 34 },
    Swap: { TotalBytes: 0 },
    CpuInfo: { Vendor: 'GenuineIntel', ModelName: 'Xeon', Architecture: 'x86_64', NumberOfCpus: 8, PhysicalCoresPerCpu: 4 },
    Gpus: [],
    LoggedInUsers: [],
  });
});

t.test('servers are closed and opened, and an unknown one is told apart with a code', async (t) => {
  const api = await createTestApi(t);
  addServers(api, 1);
  const unknown = { FailureCode: 'DCV_SERVER_NOT_FOUND', FailureReason: 'Dcv server not found.' };
  const closed = await api.call('POST', '/closeServers', [{ ServerId: 'server-1', Force: true }, { ServerId: 'nobody' }]);
  t.match(closed.body['RequestId'], /^[0-9a-f-]{36}$/);
  t.strictSame(closed.body['SuccessfulList'], [{ ServerId: 'server-1' }]);
  t.strictSame(closed.body['UnsuccessfulList'], [{ CloseServerRequestData: { ServerId: 'nobody' }, ...unknown }]);
  t.match((await api.call('POST', '/describeServers')).body, { Servers: [{ UnavailabilityReason: 'SERVER_CLOSED' }] });

  const opened = await api.call('POST', '/openServers', [{ ServerId: 'server-1' }, { ServerId: 'nobody' }]);
  t.match(opened.body['RequestId'], /^[0-9a-f-]{36}$/);
  t.strictSame(opened.body['SuccessfulList'], [{ ServerId: 'server-1' }]);
  t.strictSame(opened.body['UnsuccessfulList'], [{ OpenServerRequestData: { ServerId: 'nobody' }, ...unknown }]);
  t.match((await api.call('POST', '/describeServers')).body, { Servers: [{ Availability: 'AVAILABLE' }] });
});
