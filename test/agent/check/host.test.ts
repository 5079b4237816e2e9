/** `berth agent check` on a host where all is well, and on hosts where one thing is wrong: folders, files, tags, and who the agent is to its broker. */
import { chmod, mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import t from 'tap';
import { about, checkedHost, troubles } from '../../helpers/checked-host.ts';

t.test('a host with all that an agent needs is told so, line by line', async (t) => {
  const host = await checkedHost(t);
  t.same(troubles(await host.check({ mayEnrol: true })), []);
  const findings = await host.check();
  t.same(troubles(findings), []);
  t.match(
    findings.map(({ check, message }) => `${check}: ${message}`),
    [
      'user: dcvsmagent',
      `configuration: ${host.configFile}`,
      'broker name: 127.0.0.1',
      `broker connection: 127.0.0.1 port ${host.broker.port}`,
      /^broker certificate: .*, by .*, until \d{4}-\d\d-\d\d \(\d+ days\)$/,
      'clock: as the broker has it',
      /^software statement: /,
      /^credentials: of client [\w-]+$/,
      'token: The broker knows this agent.',
      'dcv: Amazon DCV 2024.0 (r17979)',
      'dcv server: It runs, with 0 sessions.',
      'administrators: dcvsmagent is one',
      /^token verifier: https:/,
      'verifier certificate: The DCV server trusts 127.0.0.1.',
      /^state folder: /,
      /^log folder: /,
      /^init folder: /,
      /^autorun folder: /,
      'tags: team',
    ],
  );
});

t.test('looking changes nothing: an agent is enrolled only if that is asked for', async (t) => {
  const host = await checkedHost(t);
  const findings = await host.check();
  t.same(troubles(findings), ['warn: token']);
  t.match(about(findings, 'token'), { message: /^Not enrolled yet/, mend: /--enrol/ });
  t.equal(host.broker.clients.size, 0);
  await t.rejects(stat(host.inFolder('state/credentials.json')));
  t.match(about(await host.check({ mayEnrol: true }), 'token'), { mark: 'ok', message: 'The agent is enrolled, and the broker knows it.' });
  t.equal(host.broker.clients.size, 1);
  const kept = await readFile(host.inFolder('state/credentials.json'), 'utf8');
  await host.check({ mayEnrol: true });
  t.equal(host.broker.clients.size, 1, 'once');
  t.equal(await readFile(host.inFolder('state/credentials.json'), 'utf8'), kept);
  t.notMatch(JSON.stringify(await host.check()), JSON.parse(kept).secret);
});

t.test('software statements, credentials and tokens that are no good are named with what to do', async (t) => {
  const host = await checkedHost(t);
  await host.check({ mayEnrol: true });
  const credentials = host.inFolder('state/credentials.json');
  const found = async (check: string, mayEnrol = false) => about(await host.check({ mayEnrol }), check);

  await chmod(credentials, 0o644);
  t.match(await found('credentials'), { mark: 'fail', message: /open to others/, mend: `Close it: chmod 600 ${credentials}` });
  t.match(about(await host.check({ platform: 'win32' }), 'credentials'), { mark: 'ok' }, 'modes mean nothing there');
  await chmod(credentials, 0o600);

  host.broker.clients.clear();
  t.match(await found('token'), { mark: 'warn', message: /does not know this agent any more; it enrols again/ });
  host.broker.answerTokensWith(500);
  t.match(await found('token'), { mark: 'fail', message: 'The broker gave no token: status 500, no_luck: not today.' });
  t.match(await found('token', true), { mark: 'fail', message: /^It cannot enrol: .*no_luck/ });
  host.broker.answerTokensWith(undefined);

  await writeFile(host.inFolder('statement'), 'forged');
  t.match(await found('software statement'), { mark: 'fail', message: /does not hold a software statement/ });
  t.match(await found('token'), { mark: 'fail', message: /does not know this agent any more, and there is no software statement/ });
  t.match(await found('token', true), { mark: 'fail', message: /not enrolled: .*invalid_software_statement/ });
  await rm(host.inFolder('statement'));
  t.match(await found('software statement'), { mark: 'fail', message: /cannot be read: ENOENT/ });

  await writeFile(credentials, '{}');
  t.match(await found('credentials'), { mark: 'fail', message: /cannot be read as credentials/ });
  await writeFile(credentials, '{');
  t.match(await found('credentials'), { mark: 'fail', message: /cannot be read as credentials/ });
  await rm(credentials);
  t.match(await found('token'), { mark: 'fail', message: /neither credentials nor a software statement/ });
});

t.test('an agent without a software statement is told that a broker asks for one', async (t) => {
  const host = await checkedHost(t);
  await writeFile(host.configFile, (await readFile(host.configFile, 'utf8')).replace(/software_statement_path.*\n/, ''));
  t.match(about(await host.check(), 'software statement'), { mark: 'warn' });
  t.match(about(await host.check({ mayEnrol: true }), 'token'), { mark: 'fail', message: 'There is no software statement to enrol with.' });
});

t.test('a configuration that cannot be used ends the check, with every fault in it', async (t) => {
  const host = await checkedHost(t);
  await writeFile(host.configFile, "version = '0.1'\n[agent]\nbroker_hots = 'x'\n");
  const findings = await host.check();
  t.same(troubles(findings), ['fail: configuration']);
  t.equal(findings.length, 2);
  t.match(findings[1]?.message, /broker_host.*; .*did you mean broker_host\?/);
  const correct = { environment: { BERTH_AGENT_BROKER_HOST: 'x', BERTH_AGENT_BROKER_PROT: '1' } };
  await writeFile(host.configFile, "version = '0.1'\n");
  const warned = (await host.check(correct)).filter(({ check }) => check === 'configuration');
  t.match(warned, [{ mark: 'ok' }, { mark: 'warn', message: /BERTH_AGENT_BROKER_PROT is no key.*\.$/ }], 'variables win over the file');
  await rm(host.configFile);
  t.match((await host.check())[1], { mark: 'fail', message: /ENOENT/ });
});

t.test('files that anybody may change, and being root, are told', async (t) => {
  const host = await checkedHost(t);
  await host.check({ mayEnrol: true });
  await chmod(host.configFile, 0o666);
  await chmod(host.inFolder('init'), 0o777);
  const findings = await host.check({ user: { name: 'root', isRoot: true } });
  t.same(troubles(findings), ['warn: user', 'fail: configuration', 'fail: init folder']);
  t.match(about(findings, 'init folder'), { mend: `Take that away: chmod o-w ${host.inFolder('init')}` });
  t.match(about(findings, 'user'), { mend: /sudo -u dcvsmagent/ });
  t.same(troubles(await host.check({ platform: 'win32' })), []);
});

t.test('folders that are not there are told, with what does not work without them', async (t) => {
  const host = await checkedHost(t);
  await host.check({ mayEnrol: true });
  for (const name of ['init', 'autorun', 'log']) await rm(host.inFolder(name), { recursive: true });
  const gone = await host.check();
  t.same(troubles(gone), ['warn: init folder', 'warn: autorun folder']);
  t.match(about(gone, 'init folder'), { message: /There is no folder .*, so sessions with an InitFile fail/, mend: /^Make it: mkdir -p / });
  t.match(about(gone, 'log folder'), { message: /is not there yet, and can be made/ });
  await writeFile(host.inFolder('log'), '');
  await host.configure({}, { state_folder: host.inFolder('log/state') });
  t.match(about(await host.check(), 'log folder'), { mark: 'fail', message: /is not a folder/ });
  t.match(about(await host.check(), 'state folder'), { mark: 'fail', message: /ENOTDIR/ });
  t.match(about(await host.check(), 'credentials'), { mark: 'fail', message: /ENOTDIR/ });
});

t.test(
  'a folder that the user of the agent may not use is told',
  { skip: process.getuid?.() === 0 && 'root may use everything' },
  async (t) => {
    const host = await checkedHost(t);
    await chmod(host.inFolder('init'), 0);
    await chmod(host.inFolder('log'), 0o500);
    const findings = await host.check();
    t.match(about(findings, 'init folder'), { mark: 'warn', message: /may not read/ });
    t.match(about(findings, 'log folder'), { mark: 'warn', message: /may not write to/ });
    await chmod(host.inFolder('init'), 0o700);
  },
);

t.test('files of tags that cannot be used are named', async (t) => {
  const host = await checkedHost(t);
  await writeFile(host.inFolder('tags/a.toml'), 'team = ');
  await writeFile(host.inFolder('tags/b.toml'), 'list = [1]\ntier = "gpu"');
  const findings = (await host.check()).filter(({ check }) => check === 'tags');
  t.match(findings, [
    { mark: 'warn', message: /a\.toml line 1: Invalid TOML.*\.$/ },
    { mark: 'warn', message: /b\.toml line 1: the tag "list" is neither text/ },
    { mark: 'ok', message: 'team, tier' },
  ]);
  await rm(host.inFolder('tags'), { recursive: true });
  t.match(about(await host.check(), 'tags'), { mark: 'warn', message: /cannot be read \(ENOENT\)/ });
  await mkdir(host.inFolder('tags'));
  t.match(about(await host.check(), 'tags'), { mark: 'ok', message: /^none in/ });
});
