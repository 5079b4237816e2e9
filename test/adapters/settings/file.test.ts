import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { brokerConfig } from '../../../adapters/config.ts';
import { gatherSettings } from '../../../adapters/settings/gather.ts';
import { ConfigError } from '../../../adapters/settings/setting.ts';

const NAME = 'session-manager-broker.properties';

const fileWith = (t: Test, text: string) => join(t.testdir({ [NAME]: text }), NAME);

const gather = (file: string) => gatherSettings({ file, environment: {}, flags: {} });

async function configOf(file: string) {
  const { settings, problems } = await gather(file);
  return brokerConfig(settings, '/srv', problems);
}

/** Every name that the original's guide or its shipped files have. */
const ORIGINAL =
  `broker-java-home session-screenshot-max-width session-screenshot-max-height session-screenshot-format create-sessions-queue-max-size
create-sessions-queue-max-time-seconds session-manager-working-path enable-authorization-server enable-authorization enable-agent-authorization
delete-session-duration-hours delete-session-duration-seconds connect-session-token-duration-minutes client-to-broker-connector-https-port
client-to-broker-connector-bind-host client-to-broker-connector-key-store-file client-to-broker-connector-key-store-pass
agent-to-broker-connector-https-port agent-to-broker-connector-bind-host agent-to-broker-connector-key-store-file
agent-to-broker-connector-key-store-pass broker-to-broker-port broker-to-broker-bind-host broker-to-broker-discovery-port
broker-to-broker-discovery-addresses broker-to-broker-discovery-multicast-group broker-to-broker-discovery-multicast-port
broker-to-broker-discovery-aws-region broker-to-broker-discovery-aws-alb-target-group-arn broker-to-broker-distributed-memory-max-size-mb
broker-to-broker-key-store-file broker-to-broker-key-store-pass enable-cloud-watch-metrics cloud-watch-region max-api-requests-per-second
enable-throttling-forwarded-for-header create-sessions-number-of-retries-on-failure autorun-file-arguments-max-size
autorun-file-arguments-max-argument-length enable-persistence persistence-db dynamodb-region dynamodb-table-rcu dynamodb-table-wcu
dynamodb-table-name-prefix jdbc-connection-url jdbc-user jdbc-password seconds-before-deleting-unreachable-dcv-server
seconds-before-deleting-sessions-unreachable-server enable-gateway gateway-to-broker-connector-https-port gateway-to-broker-connector-bind-host
gateway-to-broker-connector-key-store-file gateway-to-broker-connector-key-store-pass enable-tls-client-auth-gateway
gateway-to-broker-connector-trust-store-file gateway-to-broker-connector-trust-store-pass cli-to-broker-port broker-to-broker-connection-login
broker-to-broker-connection-pass enable-api-yaml metrics-fleet-name-dimension`.split(/\s+/);

t.test('every name of the original may stand in a file', async (t) => {
  t.equal(new Set(ORIGINAL).size, 63);
  const { problems } = await gather(fileWith(t, ORIGINAL.map((name) => `${name} =`).join('\n')));
  t.same(problems, []);
});

t.test('every name of the original is in the documentation', async (t) => {
  const page = readFileSync('docs/configuration.md', 'utf8');
  t.same(
    ORIGINAL.filter((name) => !page.includes(`\`${name}\``)),
    [],
  );
});

t.test('a configuration file is read under the names of the original', async (t) => {
  const file = fileWith(
    t,
    `# How long to wait
     session-screenshot-format = jpeg
     session-screenshot-max-width: 800
     seconds-before-deleting-sessions-unreachable-server=900
     berth.placement-policy = \\
       pack
     create-sessions-queue-max-size =
    `,
  );
  t.match(await configOf(file), {
    screenshotFormat: 'jpeg',
    screenshotMaxWidth: 800,
    unreachableSessionsMs: 900_000,
    placementPolicy: 'pack',
    queueMaxSize: 1000,
  });
});

t.test('all mistakes in a configuration file are told at once, with their lines and without secrets', async (t) => {
  const file = fileWith(
    t,
    `session-screenshot-max-widht = 800
enable-gateway = yes

client-to-broker-connector-key-store-pas = swordfish
create-sessions-queue-max-size = many
event-log = esdb:/user:swordfish@host
something-else-altogether = 1
enable-tls-client-auth-gateway = true`,
  );
  await t.rejects(configOf(file), {
    name: 'ConfigError',
    message: [
      `${file}:1: session-screenshot-max-widht is not a setting; did you mean session-screenshot-max-width?`,
      `${file}:4: client-to-broker-connector-key-store-pas is not a setting; did you mean client-to-broker-connector-key-store-pass?`,
      `${file}:7: something-else-altogether is not a setting.`,
      `${file}:6: event-log must be the address of an EventStoreDB or KurrentDB, such as esdb://host:2113.`,
      `${file}:8: enable-tls-client-auth-gateway is true, so gateway-to-broker-connector-trust-store-file must say which authorities sign their certificates.`,
      `${file}:2: enable-gateway must be true or false, not "yes".`,
      `${file}:5: create-sessions-queue-max-size must be a whole number from 0 to 1000000, not "many".`,
    ].join('\n'),
  });
  await t.rejects(gather(join(t.testdir(), 'none')), ConfigError);
  await t.rejects(gather(fileWith(t, ' '.repeat(1024 * 1024 + 1))), /larger than 1048576 bytes/);
});

t.test('what is set twice counts as it is set last, and that is said', async (t) => {
  const file = fileWith(
    t,
    'session-screenshot-format = png\n#\nsession-screenshot-format = jpeg\nevent-log = esdb://a\nberth.event-log =\n',
  );
  const { settings, warnings } = await gather(file);
  t.match(settings, { 'session-screenshot-format': { value: 'jpeg', at: `${file}:3` } });
  t.equal(settings['berth.event-log'], undefined, 'an older name is another spelling, no other setting');
  t.same(warnings, [`${file}:1: session-screenshot-format is set 2 times; what line 3 says counts.`]);
});

t.test('hours count for deleted sessions until seconds are set', async (t) => {
  t.equal((await configOf(fileWith(t, 'delete-session-duration-hours = 2'))).deletedSessionVisibleMs, 7_200_000);
  const both = fileWith(t, 'delete-session-duration-hours = 2\ndelete-session-duration-seconds = 5');
  t.equal((await configOf(both)).deletedSessionVisibleMs, 5000);
});

t.test('what only the insides of the original need is named once, where it differs from what the original does anyway', async (t) => {
  const { vain } = await gather(
    fileWith(t, 'enable-persistence = true\njdbc-password = swordfish\nbroker-to-broker-port = 47100\nbroker-java-home = /opt/java\n'),
  );
  t.same(Object.values(vain), [['enable-persistence', 'jdbc-password'], ['broker-java-home']]);
  t.notMatch(JSON.stringify(vain), 'swordfish');
});
