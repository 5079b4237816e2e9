/** Which broker a command of the client talks to, by the command line, the environment, the file and the broker on this machine. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { type ClientFlags, clientSettings } from '../../../adapters/client/settings.ts';
import { usualFile } from '../../../adapters/client/settings-file.ts';

const PEM = '-----BEGIN CERTIFICATE-----\n';
const FILE = `
# A comment, and ; another
[broker]
url = "https://in-file:8443"
[Authentication]
auth-server-url: https://in-file:1/oauth2/token?grant_type=client_credentials
client-id = file-id
client-password = 'pass;word#=='
[security]
no-verify-ssl =
ca-bundle = ca.pem
[output]
debug = yes
output-format = json
`;

/** A home with `dcvsmcli.conf` of this text. */
function home(t: Test, conf = FILE): string {
  return t.testdir({ 'dcvsmcli.conf': conf, 'ca.pem': `${PEM}file`, 'other.pem': `${PEM}flag`, 'no.pem': 'text' });
}

const settings = (XDG_CONFIG_HOME: string, flags: ClientFlags = {}, env = {}) => clientSettings(flags, { XDG_CONFIG_HOME, ...env });

t.test('a file says all that the original lets it say', async (t) => {
  t.same(await settings(home(t)), {
    brokerUrl: 'https://in-file:8443',
    access: {
      authServerUrl: 'https://in-file:1/oauth2/token?grant_type=client_credentials',
      id: 'file-id',
      password: 'pass;word#==',
    },
    ca: `${PEM}file`,
    verify: true,
    format: 'json',
    debug: true,
  });
});

t.test('the environment wins over the file, and the command line over both', async (t) => {
  const folder = home(t);
  const env = { DCV_SM_AUTH_SERVER_URL: 'https://in-env/token', DCV_SM_CLIENT_ID: 'env-id', DCV_SM_CLIENT_PASSWORD: 'env-pass' };
  const byEnv = await settings(folder, {}, env);
  t.same(byEnv.access, { authServerUrl: 'https://in-env/token', id: 'env-id', password: 'env-pass' });
  const flags = {
    brokerUrl: 'https://in-flag/',
    authServerUrl: 'https://in-flag/token',
    caBundle: join(folder, 'other.pem'),
    outputFormat: 'TABLE',
  };
  t.match(await settings(folder, flags, env), {
    brokerUrl: 'https://in-flag',
    access: { authServerUrl: 'https://in-flag/token', id: 'env-id' },
    ca: `${PEM}flag`,
    format: 'table',
  });
  t.same((await settings(folder, {}, { ...env, DCV_SM_OAUTH2_TOKEN: 'token' })).access, { token: 'token' });
  t.match(await settings(folder, { verifySsl: false }), { verify: false, ca: undefined });
});

t.test('certificates are looked at unless the file says otherwise and the command line names none', async (t) => {
  const folder = home(
    t,
    '[broker]\nurl = https://a\n[authentication]\nclient-id = a\nclient-password = b\n[security]\nno-verify-ssl = TRUE\n',
  );
  t.match(await settings(folder), { verify: false, access: { authServerUrl: 'https://a/oauth2/token?grant_type=client_credentials' } });
  t.match(await settings(folder, { caBundle: join(folder, 'other.pem') }), { verify: true, ca: `${PEM}flag` });
});

t.test('a broker on this machine brings its certificate and its client along', async (t) => {
  const folder = home(t);
  const dataDir = join(folder, 'data');
  mkdirSync(dataDir);
  const caFile = join(folder, 'other.pem');
  const rest = { agentHost: 'a', agentPort: 1, softwareStatementFile: 'x' };
  const connection = { url: 'https://127.0.0.1:8443', caFile, clientId: 'own', clientPassword: 'own-pass', ...rest };
  writeFileSync(join(dataDir, 'connection.json'), JSON.stringify(connection));
  const expected = {
    brokerUrl: 'https://127.0.0.1:8443',
    access: { authServerUrl: 'https://127.0.0.1:8443/oauth2/token?grant_type=client_credentials', id: 'own', password: 'own-pass' },
    ca: `${PEM}flag`,
  };
  t.match(await settings(folder, { dataDir }, { DCV_SM_OAUTH2_TOKEN: 'x' }), expected, 'whatever else is said');
  const token = { authServerUrl: 'https://elsewhere/token' };
  t.match(await settings(folder, { dataDir, ...token }), { access: { ...token, id: 'own' } });
  writeFileSync(join(dataDir, 'connection.json'), '{');
  await t.rejects(settings(folder, { dataDir }), { exitCode: 253, message: /connection.json cannot be read/ });
});

t.test('whatever cannot be is named with its place', async (t) => {
  const conf = (lines: string) => `[broker]\nurl = https://a\n[authentication]\nclient-id = a\nclient-password = b\n${lines}`;
  const files: readonly (readonly [string, RegExp])[] = [
    ['[broker]\nurl\n', /dcvsmcli.conf, line 2: a line must be "key = value"/],
    ['[broker]\nurll = x\n', /line 2: "urll" in \[broker\] is not a setting of the client; did you mean "url" in \[broker\]\?/],
    ['[colours]\nbackground-of-headings = x\n', /"background-of-headings" in \[colours\] is not a setting of the client\./],
    ['[broker]\nurl = http://broker\n', /line 2: url must begin with https/],
    ['[broker]\nurl = ftp://broker\n', /line 2: url must be an address/],
    [conf('[output]\ndebug = maybe\n'), /line 7: debug must be true or false, not "maybe"/],
    [conf('[output]\noutput-format = xml\n'), /line 7: output-format must be json or table, not "xml"/],
    [conf('[security]\nca-bundle = gone.pem\n'), /The certificates in .*gone.pem cannot be read/],
    [conf('[security]\nca-bundle = no.pem\n'), /no.pem holds no certificate in PEM/],
    ['[broker]\nurl = https://a\n[authentication]\nclient-id = a\n', /No client-password is given. Set DCV_SM_CLIENT_PASSWORD/],
  ];
  for (const [text, message] of files) await t.rejects(settings(home(t, text)), { exitCode: 253, message });
  const folder = home(t);
  const flags: readonly (readonly [ClientFlags, RegExp])[] = [
    [{ brokerUrl: 'http://broker' }, /^--broker-url must begin with https/],
    [{ authServerUrl: 'broker' }, /^--auth-server-url must be an address/],
    [{ caBundle: '/nowhere' }, /^--ca-bundle: \/nowhere cannot be read/],
    [{ caBundle: join(folder, 'no.pem') }, /^--ca-bundle: .*no.pem holds no certificate/],
    [{ caBundle: 'a', verifySsl: false }, /not both/],
    [{ outputFormat: 'xml' }, /^--output-format must be json or table/],
  ];
  for (const [each, message] of flags) await t.rejects(settings(folder, each), { exitCode: 252, message });
  await t.rejects(settings(folder, {}, { DCV_SM_AUTH_SERVER_URL: 'x' }), {
    exitCode: 253,
    message: /^DCV_SM_AUTH_SERVER_URL must be an address/,
  });
  await t.rejects(settings(folder, { conf: folder }), { exitCode: 253, message: /cannot be read/ });
});

t.test('the usual place of the file is that of the system', (t) => {
  t.equal(usualFile({ USERPROFILE: '/users/ann' }, 'win32'), join('/users/ann', 'dcvsmcli.conf'));
  t.equal(usualFile({ XDG_CONFIG_HOME: '/conf' }, 'linux'), '/conf/dcvsmcli.conf');
  t.match(usualFile({}, 'linux'), /\/\.config\/dcvsmcli\.conf$/);
  t.match(usualFile({}, 'win32'), /dcvsmcli\.conf$/);
  t.end();
});
