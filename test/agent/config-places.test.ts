import t from 'tap';
import { parseAgentConfig } from '../../agent/config.ts';

const MINIMAL = "version = '0.1'\n[agent]\nbroker_host = 'broker'\n";

const parsed = (toml: string, environment: Record<string, string> = {}) => parseAgentConfig(toml, { platform: 'linux', environment });

t.test('a variable wins over the file, and what is wrong with it is said under its name', async (t) => {
  const config = parsed(MINIMAL, {
    BERTH_AGENT_BROKER_HOST: 'other,third:1',
    BERTH_AGENT_BROKER_PORT: '8446',
    BERTH_AGENT_TLS_STRICT: 'false',
    BERTH_AGENT_CA_FILE: '',
    BERTH_AGENT_LOG_LEVEL: 'debug',
    BERTH_AGENT_LOG_MAX_FILE_SIZE: '5',
    BERTH_AGENT_STATE_FOLDER: '/state',
    BERTH_AGENT_SIMULATED_UNKNOWN_OWNERS: "['x', 'y']",
    BERTH_AGENT_SIMULATED_HOSTNAME: '7',
    BERTH_DATA_DIR: '/data',
    BERTH_AGENT_TO_BROKER_CONNECTOR_HTTPS_PORT: '1',
    BERTH_AGENT_SERVICE_HOST: '10.0.0.1',
  });
  t.match(config, {
    brokers: [
      { host: 'other', port: 8446 },
      { host: 'third', port: 1 },
    ],
    tlsStrict: false,
    caFile: undefined,
    log: { level: 'debug', maxFileSize: 5 },
    stateFolder: '/state',
    simulated: { unknownOwners: ['x', 'y'], hostname: '7' },
    warnings: [],
  });
  t.same(parsed(MINIMAL, { BERTH_AGENT_BROKER_HOTS: 'x', BERTH_AGENT_QUUX_XYZZY_PLUGH_FOO_BAR: 'y' }).warnings, [
    'The environment variable BERTH_AGENT_BROKER_HOTS is no key of agent.conf; did you mean BERTH_AGENT_BROKER_HOST?',
    'The environment variable BERTH_AGENT_QUUX_XYZZY_PLUGH_FOO_BAR is no key of agent.conf',
  ]);
  const refused = (environment: Record<string, string>, message: RegExp, toml = MINIMAL) =>
    t.throws(() => parsed(toml, environment), { name: 'ConfigError', message });
  refused({ BERTH_AGENT_BROKER_PORT: 'many' }, /^BERTH_AGENT_BROKER_PORT \(agent\.broker_port\): .*expected number/);
  refused({ BERTH_AGENT_BROKER_HOST: 'a b' }, /^BERTH_AGENT_BROKER_HOST \(agent\.broker_host\): "a b" is not a host/);
  refused({ BERTH_AGENT_LOG_LEVEL: 'info' }, /^Line 1: log: .*expected object/, `log = 1\n${MINIMAL}`);
});

t.test('the line of a key is known in whatever way it is written', async (t) => {
  const toml = `version = '0.1'
agent.broker_host = [
  'a', # one
  'b',
]
[log]
level = "loud"
"rotation" = """
[agent]
broker_port = 2
"""
[berth]
simulated = { cpus = 0 }
`;
  t.throws(() => parsed(toml), { message: /^Line 7: log\.level: .*\nLine 8: log\.rotation: .*\nLine 13: berth\.simulated\.cpus: /s });
  const long = `${MINIMAL}enable_query_logged_in_users = [\n${'1,\n'.repeat(300)}]\ntls_strict = 1`;
  t.throws(() => parsed(long), { message: /^agent\.tls_strict: /m }, 'behind a very long value nothing is looked for');
  t.throws(() => parsed(`${MINIMAL}[[log]]\nlevel = 1\n[[log]]\nlevel = 2026-01-01`), { message: /^Line 4: log: .*expected object/ });
});

t.test('folders are where they are on the system', async (t) => {
  const { initFolder, tagsFolders, dcvPath, stateFolder, log } = parseAgentConfig(MINIMAL, { platform: 'win32', environment: {} });
  t.equal(initFolder, 'C:\\ProgramData\\NICE\\DcvSessionManagerAgent\\init');
  t.equal(tagsFolders[1], 'C:\\Program Files\\NICE\\DCVSessionManagerAgent\\conf\\tags');
  t.equal(log.directory, 'C:\\ProgramData\\NICE\\DCVSessionManagerAgent\\log');
  t.match(dcvPath, /dcv\.exe$/);
  t.match(stateFolder, /^C:\\ProgramData/);
  t.match(parseAgentConfig(MINIMAL, { platform: 'darwin', environment: {} }).initFolder, /^\/var\/lib/);
});

t.test('an interval that is longer than advised is warned about', async (t) => {
  const { warnings } = parsed(`${MINIMAL}broker_update_interval = 121`);
  t.same(warnings, ['Line 4: agent.broker_update_interval: more than 120 seconds are not advised']);
});
