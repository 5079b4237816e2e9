import { chmodSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { openDcvFiles } from '../../agent/drivers/dcv-files.ts';
import { prepareSession, readPermissions } from '../../agent/drivers/dcv-preparation.ts';
import { type Folders, sessionFiles } from '../../agent/session-files.ts';
import type { SessionSpec } from '../../domain/session/events.ts';
import { createDcvHost } from '../helpers/dcv-host.ts';

async function setUp(t: Test) {
  const host = createDcvHost(t);
  const folders: Folders = host;
  const files = await openDcvFiles(host.stateFolder);
  const prepare = async (spec: Partial<SessionSpec>, osFamily = 'linux') => {
    const whole: SessionSpec = { name: 'desk', owner: 'ann', sessionType: 'VIRTUAL', ...spec };
    const paths = sessionFiles(whole, folders);
    if ('failed' in paths) return paths;
    return prepareSession({ localId: 'a', spec: whole, ...paths }, osFamily, { folders, files, defaultInit: '/etc/dcv/dcvsessioninit' });
  };
  return { host, files, prepare };
}

t.test('programs are found below the folders of the agent, by name or by full path', async (t) => {
  const { host, prepare } = await setUp(t);
  const initPath = host.write('init/deep/start.sh', '#!/bin/sh\n', 0o755);
  const found = { initPath, permissionsPath: undefined };
  t.strictSame(await prepare({ initFile: 'deep/start.sh' }), found);
  t.strictSame(await prepare({ initFile: './deep/../deep/start.sh' }), found);
  t.strictSame(await prepare({ initFilePath: initPath }), found);
  symlinkSync(initPath, join(host.initFolder, 'link.sh'));
  t.strictSame(await prepare({ initFile: 'link.sh' }), found, 'what was checked is what is run');
  t.strictSame(await prepare({}), { initPath: undefined, permissionsPath: undefined });
});

t.test('programs elsewhere are refused, however the way is described', async (t) => {
  const { host, prepare } = await setUp(t);
  host.write('start.sh', '#!/bin/sh\n', 0o755);
  host.write('init..x/start.sh', '#!/bin/sh\n', 0o755);
  symlinkSync(join(host.folder, 'start.sh'), join(host.initFolder, 'out.sh'));
  symlinkSync(host.folder, join(host.initFolder, 'up'));
  for (const initFile of ['../start.sh', 'x/../../start.sh', join(host.folder, 'start.sh'), '.', '', '..', '../init..x/start.sh']) {
    t.match(await prepare({ initFile }), { failed: `The init file '${initFile}' is not inside the agent's init folder` }, initFile);
  }
  for (const initFilePath of [join(host.folder, 'start.sh'), `${host.initFolder}/../start.sh`, 'start.sh', '/bin/sh', host.initFolder]) {
    t.match(
      await prepare({ initFilePath }),
      { failed: `The init file '${initFilePath}' is not inside the agent's init folder` },
      initFilePath,
    );
  }
  t.match(await prepare({ autorunFile: '/bin/sh' }), { failed: "The autorun file '/bin/sh' is not inside the agent's autorun folder" });
  for (const initFile of ['out.sh', 'up/start.sh']) {
    t.match(await prepare({ initFile }), {
      failed: `The init file '${initFile}' is a link that leads out of the agent's init folder ${host.initFolder}`,
    });
  }
});

t.test('a program must be there, a regular file, executable, and nobody else’s to change', async (t) => {
  const { host, prepare } = await setUp(t);
  const faultOf = async (initFile: string): Promise<string> => {
    const outcome = await prepare({ initFile });
    return 'failed' in outcome ? outcome.failed.replace(`The init file '${initFile}' `, '') : 'none';
  };
  t.equal(await faultOf('none.sh'), `is not in the agent's init folder ${host.initFolder}, or cannot be read`);
  mkdirSync(join(host.initFolder, 'folder'));
  t.equal(await faultOf('folder'), 'is not a regular file');
  host.write('init/plain.sh', '', 0o644);
  t.equal(await faultOf('plain.sh'), 'is not executable');
  host.write('init/open.sh', '', 0o757);
  t.equal(await faultOf('open.sh'), 'can be written by all users of the host');
  host.write('init/pub/a/start.sh', '', 0o755);
  chmodSync(join(host.initFolder, 'pub'), 0o777);
  t.equal(await faultOf('pub/a/start.sh'), `is in the folder ${host.initFolder}/pub, which can be written by all users of the host`);
  chmodSync(join(host.initFolder, 'pub'), 0o755);
  t.equal(await faultOf('pub/a/start.sh'), 'none');
  host.write('autorun/plain.sh', '', 0o644);
  t.match(await prepare({ autorunFile: 'plain.sh' }), { failed: "The autorun file 'plain.sh' is not executable" });
  t.match(await prepare({ autorunFile: 'plain.sh', initFile: 'none.sh' }), { failed: /^The init file 'none.sh'/ });
  rmSync(host.initFolder, { recursive: true });
  t.equal(await faultOf('a.sh'), `cannot be used: the agent's init folder ${host.initFolder} is not there or cannot be read`);
});

t.test('an autorun file is started by an init program that its owner can run', async (t) => {
  const { host, files, prepare } = await setUp(t);
  const tool = host.write("autorun/it's a tool.sh", '', 0o755);
  chmodSync(host.stateFolder, 0o700);
  const prepared = await prepare({ autorunFile: "it's a tool.sh", autorunFileArguments: ['a b', "'$x'"] });
  const initPath = join(host.stateFolder, 'sessions', 'a.init');
  t.strictSame(prepared, { initPath, permissionsPath: undefined });
  const lines = readFileSync(initPath, 'utf8').split('\n');
  t.equal(lines[0], '#!/bin/sh');
  t.equal(lines[2], `'${tool.replace("'", `'\\''`)}' 'a b' ''\\''$x'\\''' </dev/null &`);
  t.equal(lines[3], `exec '/etc/dcv/dcvsessioninit' "$@"`);
  t.equal(statSync(initPath).mode & 0o777, 0o755);
  t.same(
    [host.stateFolder, files.folder].map((folder) => statSync(folder).mode & 0o777),
    [0o711, 0o711],
    'others pass, and see nothing',
  );
  const own = host.write('init/own.sh', '', 0o755);
  await prepare({ autorunFile: "it's a tool.sh", initFile: 'own.sh' });
  t.match(readFileSync(initPath, 'utf8'), `exec '${own}' "$@"`);
  await files.keepOnly(new Set(), files.beforeLook());
  t.same(readdirSync(files.folder), []);
  chmodSync(host.folder, 0o700);
  await t.rejects(prepare({ autorunFile: "it's a tool.sh" }), {
    message: /cannot reach what starts the autorun file: the folder \S+ is closed to others \(chmod o\+x\)/,
  });
});

t.test('what each type of session takes on each system is held to', async (t) => {
  const { host, prepare } = await setUp(t);
  host.write('init/x', '', 0o755);
  host.write('autorun/x', '', 0o755);
  const refused = async (spec: Partial<SessionSpec>, osFamily: string, failed: string) =>
    t.strictSame(await prepare(spec, osFamily), { failed }, failed);
  const console = { sessionType: 'CONSOLE' } as const;
  await refused({}, 'windows', 'Virtual sessions are not supported on Windows');
  await refused({}, 'macos', 'Virtual sessions are not supported on macOS');
  for (const [family, name] of [
    ['linux', 'Linux'],
    ['windows', 'Windows'],
    ['macos', 'macOS'],
  ] as const) {
    await refused({ ...console, initFile: 'x' }, family, `InitFile is not supported for a console session on ${name}`);
    await refused(
      { ...console, initFilePath: join(host.initFolder, 'x') },
      family,
      `InitFilePath is not supported for a console session on ${name}`,
    );
    await refused({ ...console, dcvGlEnabled: true }, family, `DcvGlEnabled is not supported for a console session on ${name}`);
    await refused(
      { ...console, autorunFileArguments: ['x'] },
      family,
      `AutorunFileArguments is not supported for a console session on ${name}`,
    );
    if (family !== 'windows')
      await refused({ ...console, autorunFile: 'x' }, family, `AutorunFile is not supported for a console session on ${name}`);
    t.notMatch(await prepare({ ...console, dcvGlEnabled: false, autorunFileArguments: [] }, family), { failed: String });
  }
  await refused(
    { ...console, autorunFile: 'x' },
    'windows',
    'AutorunFile is not supported by this agent on Windows, where it would have to run when the owner logs in',
  );
  await refused({ autorunFileArguments: ['x'] }, 'linux', 'AutorunFileArguments needs an AutorunFile');
  await refused({ autorunFile: 'x', autorunFileArguments: ['a', 'b\n'] }, 'linux', 'AutorunFileArguments[1] has control characters');
  await refused(
    { autorunFile: 'x', autorunFileArguments: Array(17).fill('ü'.repeat(2000)) },
    'linux',
    'AutorunFileArguments are longer than 65536 bytes',
  );
});

t.test('a storage root is a full path, or one in the owner’s home', async (t) => {
  const { prepare } = await setUp(t);
  for (const storageRoot of ['%home%', '%home%/files', '/srv/%home%'])
    t.notMatch(await prepare({ storageRoot }), { failed: String }, storageRoot);
  for (const storageRoot of ['files', '%home%files', '~/files', 'C:\\files', './%home%']) {
    t.same(await prepare({ storageRoot }), { failed: `The storage root '${storageRoot}' is neither a full path nor begins with %home%` });
  }
  t.notMatch(await prepare({ sessionType: 'CONSOLE', storageRoot: 'C:\\files' }, 'windows'), { failed: String });
  t.match(await prepare({ sessionType: 'CONSOLE', storageRoot: 'files' }, 'windows'), { failed: String });
});

t.test('permissions are refused with the lines at fault', async (t) => {
  const base64 = (text: string): string => Buffer.from(text).toString('base64');
  t.same(readPermissions(base64('[permissions]\n')), { text: '[permissions]\n' });
  t.same(readPermissions('x'), { failed: 'The permissions file is not base64' });
  t.match(readPermissions(base64('a\n\nb')), { failed: /^The permissions file line 1: .*; line 3: / });
});
