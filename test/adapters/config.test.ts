import t from 'tap';
import { brokerConfig } from '../../adapters/config.ts';
import type { SettingName } from '../../adapters/settings/names.ts';
import { ConfigError } from '../../adapters/settings/setting.ts';

t.test('without settings everything is as in the original, on this machine only', async (t) => {
  t.same(brokerConfig({}, '/srv'), {
    dataDir: '/srv/berth-data',
    eventLog: undefined,
    streamPrefix: '',
    clients: { host: '127.0.0.1', port: 8443, keyStore: undefined },
    agents: { host: '127.0.0.1', port: 8445, keyStore: undefined },
    gateways: undefined,
    apiAuthorization: true,
    authorizationServer: true,
    requiredAudience: undefined,
    requiredScopes: [],
    externalScopes: 'ignored',
    agentAuthorization: true,
    servesApiYaml: true,
    maxRequestsPerSecond: 1000,
    trustsForwardedFor: false,
    advertisedHost: undefined,
    certificateNames: [],
    clusterKeyFile: undefined,
    screenshotMaxWidth: 160,
    screenshotMaxHeight: 100,
    screenshotFormat: 'png',
    queueMaxSize: 1000,
    queueMaxTimeMs: 1_800_000,
    createRetries: 2,
    placementPolicy: 'least-loaded',
    metrics: 'local',
    logLevel: 'warn',
    logFiles: undefined,
    otlpEndpoint: undefined,
    checkpointIntervalMs: 60_000,
    connectionTokenLifetimeMs: 3_600_000,
    deletedSessionVisibleMs: 3_600_000,
    sessionCreationTimeoutMs: 300_000,
    sessionDeletionTimeoutMs: 300_000,
    unreachableServerMs: 1_800_000,
    unreachableSessionsMs: undefined,
    autorunArgumentsMax: 50,
    autorunArgumentMaxLength: 150,
  });
});

t.test('settings win over defaults', async (t) => {
  const config = brokerConfig(
    {
      'berth.data-dir': { value: '/var/berth', from: '--data-dir' },
      'client-to-broker-connector-https-port': { value: '0', from: '--client-port' },
      'session-screenshot-format': { value: 'JPEG', from: 'session-screenshot-format' },
      'berth.placement-policy': { value: 'pack', from: 'a file' },
      'berth.cluster-key-file': { value: 'cluster.key', from: 'a file' },
      'seconds-before-deleting-sessions-unreachable-server': { value: '900', from: 'a file' },
    },
    '/srv',
  );
  t.equal(config.unreachableSessionsMs, 900_000);
  t.match(config, {
    clusterKeyFile: '/srv/cluster.key',
    dataDir: '/var/berth',
    clients: { port: 0 },
    screenshotFormat: 'jpeg',
    placementPolicy: 'pack',
  });
});

t.test('a log goes into files where there is a folder for them, and then says more', async (t) => {
  const config = (more: Partial<Record<SettingName, string>>) =>
    brokerConfig(Object.fromEntries(Object.entries(more).map(([name, value]) => [name, { value, from: name }])), '/srv');
  t.match(config({ 'berth.log-directory': 'log' }), {
    logLevel: 'info',
    logFiles: { directory: '/srv/log', rotation: 'daily', maxFileSize: 10_485_760, rotate: 9 },
  });
  t.match(config({ 'berth.log-directory': '-', 'berth.log-level': 'DEBUG' }), { logLevel: 'debug', logFiles: undefined });
  t.match(config({ 'berth.log-directory': '/l', 'berth.log-level': 'warn', 'berth.log-rotation': 'hourly', 'berth.log-rotate': '0' }), {
    logLevel: 'warn',
    logFiles: { directory: '/l', rotation: 'hourly', rotate: 0 },
  });
  for (const [name, value, message] of [
    ['berth.log-level', 'loud', 'berth.log-level must be debug or info or warn or error or silent, not "loud".'],
    ['berth.log-rotation', 'weekly', 'berth.log-rotation must be daily or hourly, not "weekly".'],
    ['berth.log-max-file-size', '0', 'berth.log-max-file-size must be a whole number from 1 to 1099511627776, not "0".'],
    ['berth.log-rotate', '-1', 'berth.log-rotate must be a whole number from 0 to 10000, not "-1".'],
  ] as const) {
    t.throws(() => config({ [name]: value }), { name: 'ConfigError', message });
  }
});

t.test('who may see the figures, and where traces go, is said in words that are understood', async (t) => {
  const config = (name: SettingName, value: string) => brokerConfig({ [name]: { value, from: name } }, '/srv');
  t.equal(config('berth.metrics', 'OPEN').metrics, 'open');
  t.throws(() => config('berth.metrics', 'maybe'), {
    name: 'ConfigError',
    message: 'berth.metrics must be local or open or off, not "maybe".',
  });
  for (const [value, endpoint] of [
    ['', undefined],
    ['off', undefined],
    [' http://127.0.0.1:4318/ ', 'http://127.0.0.1:4318'],
    ['https://ann:secret@otel.example.com/tenant', 'https://ann:secret@otel.example.com/tenant'],
    ['http://127.0.0.1:4318/v1/traces', 'http://127.0.0.1:4318'],
  ] as const) {
    t.equal(config('berth.otlp-endpoint', value).otlpEndpoint, endpoint);
  }
  for (const value of ['127.0.0.1:4318', 'grpc://ann:secret@host', 'http://host?token=secret', 'nonsense']) {
    const message = 'berth.otlp-endpoint must be the address of an OpenTelemetry collector, such as http://127.0.0.1:4318, or off.';
    t.throws(() => config('berth.otlp-endpoint', value), { name: 'ConfigError', message }, value);
  }
});

t.test('names and addresses are told from what is neither', async (t) => {
  const config = (name: 'berth.advertised-host' | 'berth.certificate-names', value: string) =>
    brokerConfig({ [name]: { value, from: name } }, '/srv');
  const { certificateNames } = config('berth.certificate-names', ' lb.example.com, 192.0.2.7,,2001:db8::7 ,bücher.example');
  t.same(certificateNames, ['lb.example.com', '192.0.2.7', '2001:db8::7', 'bücher.example']);
  t.equal(config('berth.advertised-host', 'broker-1').advertisedHost, 'broker-1');
  for (const value of ['https://broker', 'broker:8445', 'a b', '*.example.com', 'x..y', 'one,two']) {
    const message = `berth.advertised-host must be a host name or an address, not "${value}".`;
    t.throws(() => config('berth.advertised-host', value), { name: 'ConfigError', message });
  }
  t.throws(() => config('berth.certificate-names', 'a,b c'), {
    message: 'berth.certificate-names must be up to 100 host names and addresses, separated by commas, not "a,b c".',
  });
  t.throws(() => config('berth.certificate-names', Array.from({ length: 101 }, (_, index) => `n${index}`).join()), { name: 'ConfigError' });
});

t.test('the event log may be on a server, and what is wrong with its address is said without it', async (t) => {
  const config = (name: 'berth.event-log' | 'berth.stream-prefix', value: string) =>
    brokerConfig({ [name]: { value, from: name } }, '/srv');
  for (const value of ['esdb://host', ' esdb+discover://user:secret@a,b:2113?tls=false ', 'kurrentdb://host']) {
    t.equal(config('berth.event-log', value).eventLog, value.trim());
  }
  for (const value of ['host:2113', 'http://user:secret@host', 'esdb://', 'esdb://?tls=false']) {
    const message = 'berth.event-log must be the address of an EventStoreDB or KurrentDB, such as esdb://host:2113.';
    t.throws(() => config('berth.event-log', value), { name: 'ConfigError', message }, value);
  }
  for (const value of ['', 'acme.', 'a_1.B.']) t.equal(config('berth.stream-prefix', value).streamPrefix, value);
  for (const value of ['acme', '.', 'a-b.', '$a.', 'a..']) {
    const message = `berth.stream-prefix must consist of letters, digits and "_" and end with a dot, such as "acme.", not "${value}".`;
    t.throws(() => config('berth.stream-prefix', value), { name: 'ConfigError', message });
  }
});

t.test('a wrong setting is named as its user wrote it', async (t) => {
  const port = (value: string) => () => brokerConfig({ 'agent-to-broker-connector-https-port': { value, from: '--agent-port' } }, '/srv');
  for (const value of ['', 'x', '-1', '1.5', '65536', '0x10', '1e3']) {
    t.throws(port(value), new ConfigError(`--agent-port must be a whole number from 0 to 65535, not "${value}".`), `"${value}"`);
  }
  t.throws(() => brokerConfig({ 'berth.data-dir': { value: ' ', from: '--data-dir' } }, '/srv'), {
    message: '--data-dir must not be empty.',
  });
  t.throws(() => brokerConfig({ 'session-screenshot-format': { value: 'gif', from: 'session-screenshot-format' } }, '/srv'), {
    message: 'session-screenshot-format must be png or jpeg, not "gif".',
  });
  t.throws(() => brokerConfig({ 'berth.placement-policy': { value: 'random', from: 'berth.placement-policy' } }, '/srv'), {
    message: 'berth.placement-policy must be least-loaded or pack, not "random".',
  });
  const scope = (value: string) => brokerConfig({ 'berth.required-scope': { value, from: 'berth.required-scope' } }, '/srv');
  t.throws(() => scope('sessions "servers"'), {
    message: 'berth.required-scope must be up to 20 scopes, separated by spaces, not "sessions "servers"".',
  });
  t.throws(() => scope('x '.repeat(21)), { message: /^berth\.required-scope must be up to 20 scopes/ });
  t.same(scope(' pool/sessions  servers ').requiredScopes, ['pool/sessions', 'servers']);
  const external = (value: string) => brokerConfig({ 'berth.external-scopes': { value, from: 'berth.external-scopes' } }, '/srv');
  t.throws(() => external('true'), { message: 'berth.external-scopes must be ignored or enforced, not "true".' });
  t.equal(external('Enforced').externalScopes, 'enforced');
});

t.test('every door has a port, a host and a certificate of its own', async (t) => {
  const said = (name: string, value: string) => ({ [name]: { value, from: `file:1: ${name}` } });
  const config = brokerConfig(
    {
      ...said('enable-gateway', 'TRUE'),
      ...said('gateway-to-broker-connector-bind-host', '10.0.0.1'),
      ...said('gateway-to-broker-connector-key-store-file', 'gateway.p12'),
      ...said('gateway-to-broker-connector-key-store-pass', 'secret'),
      ...said('enable-tls-client-auth-gateway', 'true'),
      ...said('gateway-to-broker-connector-trust-store-file', '/etc/trust.pem'),
    },
    '/srv',
  );
  t.same(config.gateways, {
    host: '10.0.0.1',
    port: 8447,
    keyStore: {
      file: '/srv/gateway.p12',
      password: 'secret',
      fileFrom: 'file:1: gateway-to-broker-connector-key-store-file',
      passwordFrom: 'file:1: gateway-to-broker-connector-key-store-pass',
    },
    trustStore: {
      file: '/etc/trust.pem',
      password: '',
      fileFrom: 'file:1: gateway-to-broker-connector-trust-store-file',
      passwordFrom: 'gateway-to-broker-connector-trust-store-pass',
    },
  });
});
