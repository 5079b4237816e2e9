import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { brokerConfig } from '../../../adapters/config.ts';
import { gatherSettings, type Sources } from '../../../adapters/settings/gather.ts';
import { SETTINGS, settingOf, shown } from '../../../adapters/settings/names.ts';

function gather(t: Test, text: string | undefined, environment: Sources['environment'] = {}, flags: Sources['flags'] = {}) {
  const file = join(t.testdir(), 'broker.properties');
  if (text !== undefined) writeFileSync(file, text);
  return gatherSettings({ file: text === undefined ? undefined : file, environment, flags });
}

const port = 'client-to-broker-connector-https-port';

t.test('flags win over the environment, the environment over the file', async (t) => {
  const file = `${port} = 1\nagent-to-broker-connector-https-port = 2\nsession-screenshot-max-width = 3`;
  const environment = {
    BERTH_CLIENT_TO_BROKER_CONNECTOR_HTTPS_PORT: '4',
    BERTH_AGENT_TO_BROKER_CONNECTOR_HTTPS_PORT: '5',
    BERTH_DATA_DIR: '/data',
    BERTH_EVENT_LOG: 'esdb://host',
    BERTH_CREATE_SESSIONS_QUEUE_MAX_SIZE: '',
  };
  const { settings } = await gather(t, file, environment, { [port]: { value: '6', from: '--client-port' } });
  t.match(brokerConfig(settings, '/srv'), {
    clients: { port: 6 },
    agents: { port: 5 },
    screenshotMaxWidth: 3,
    dataDir: '/data',
    eventLog: 'esdb://host',
    queueMaxSize: 1000,
  });
  t.match(settings, { [port]: { from: '--client-port' }, 'berth.data-dir': { from: 'BERTH_DATA_DIR' } });
});

t.test('a variable that is no setting may be another program’s, so it is only warned about', async (t) => {
  const { warnings, problems } = await gather(t, undefined, {
    BERTH_ENABLE_GATEWAI: 'true',
    BERTH_XYZ: '1',
    BERTH_SERVICE_HOST: '10.0.0.1',
    BERTH_AGENT_BROKER_HOST: 'localhost',
    BERTH_PORT_8443_TCP_ADDR: '10.0.0.1',
    BERTH_JDBC_PASSWORD: 'swordfish',
    PATH: '/bin',
  });
  t.same(problems, []);
  t.same(warnings, [
    'The environment variable BERTH_ENABLE_GATEWAI is no setting; did you mean BERTH_ENABLE_GATEWAY?',
    'The environment variable BERTH_XYZ is no setting.',
  ]);
});

t.test('a broker with a file listens where the original does, one without stays on this machine', async (t) => {
  const hosts = async (...sources: [string | undefined, Sources['environment']?, Sources['flags']?]) => {
    const { settings } = await gather(t, ...sources);
    const { clients, agents } = brokerConfig(settings, '/srv');
    return [clients.host, agents.host];
  };
  t.same(await hosts(undefined), ['127.0.0.1', '127.0.0.1']);
  t.same(await hosts(''), ['0.0.0.0', '0.0.0.0']);
  t.same(await hosts('client-to-broker-connector-bind-host = 10.0.0.1'), ['10.0.0.1', '0.0.0.0']);
  t.same(await hosts('client-to-broker-connector-bind-host = 10.0.0.1\nberth.bind-host = 10.0.0.2'), ['10.0.0.1', '10.0.0.2']);
  const flag = { 'berth.bind-host': { value: '127.0.0.2', from: '--host' } };
  t.same(await hosts('client-to-broker-connector-bind-host = 10.0.0.1', {}, flag), ['127.0.0.2', '127.0.0.2'], 'a flag is for all doors');
  const variable = { BERTH_AGENT_TO_BROKER_CONNECTOR_BIND_HOST: '10.0.0.3' };
  t.same(await hosts('berth.bind-host = 10.0.0.2', variable), ['10.0.0.2', '10.0.0.3']);
});

t.test('what may be shown of a value has no secret in it', async (t) => {
  t.equal(shown('client-to-broker-connector-key-store-pass', 'swordfish'), '***');
  t.equal(shown('client-to-broker-connector-key-store-pass', ''), '');
  t.equal(shown('jdbc-password', 'swordfish'), '***');
  t.equal(shown('berth.event-log', 'esdb://ann:sword@fish@a,b:2113?tls=true'), 'esdb://ann:***@a,b:2113?tls=true');
  t.equal(shown('jdbc-connection-url', 'jdbc:mysql://h:1/db?user=a&password=swordfish&x=y'), 'jdbc:mysql://h:1/db?user=a&password=***&x=y');
  t.equal(shown('berth.data-dir', '/var/lib/berth'), '/var/lib/berth');
  for (const name of SETTINGS) t.type(settingOf({}, name).value, 'string');
});

t.test('what OpenTelemetry says for all programs counts where nobody has said anything to Berth', async (t) => {
  const endpoint = async (...sources: [string | undefined, Sources['environment']?]) => {
    const { settings, problems } = await gather(t, ...sources);
    t.same(problems, []);
    return settings['berth.otlp-endpoint'];
  };
  const OTEL_EXPORTER_OTLP_ENDPOINT = 'http://everybody:4318';
  t.equal(await endpoint(undefined), undefined);
  t.match(await endpoint(undefined, { OTEL_EXPORTER_OTLP_ENDPOINT }), {
    value: 'http://everybody:4318',
    from: 'OTEL_EXPORTER_OTLP_ENDPOINT',
  });
  t.match(await endpoint('berth.otlp-endpoint = http://ours:4318', { OTEL_EXPORTER_OTLP_ENDPOINT }), { value: 'http://ours:4318' });
  t.match(await endpoint(undefined, { OTEL_EXPORTER_OTLP_ENDPOINT, BERTH_OTLP_ENDPOINT: 'off' }), { value: 'off' });
  t.equal(await endpoint(undefined, { OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_SDK_DISABLED: 'true' }), undefined);
});

t.test('whoever had figures in CloudWatch is told where they are here', async (t) => {
  const { vain } = await gather(
    t,
    'enable-cloud-watch-metrics = true\ncloud-watch-region = eu-west-1\nmetrics-fleet-name-dimension = default',
  );
  t.same(vain, {
    'No metrics are sent to CloudWatch; use /metrics (docs/observability.md).': ['enable-cloud-watch-metrics', 'cloud-watch-region'],
  });
});
