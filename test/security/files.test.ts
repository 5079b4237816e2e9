/** What others who have an account on the machine can open of what a broker and an agent write: nothing that was not meant for them, even in folders that are open to all. */
import { execFile } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import t, { type Test } from 'tap';
import { readAddress } from '../../adapters/local-channel.ts';
import { BERTH, runModule } from '../helpers/berth-process.ts';
import { startAgent, startBroker, writeServer } from '../helpers/real-broker.ts';
import { pause } from '../helpers/until.ts';

/** Certificates and public keys are for everybody. */
const PUBLIC: readonly RegExp[] = [/^(?:data|backup)\/tls\/(?:ca|server)\.pem$/, /^(?:data|backup)\/evidence\.json$/];
/** Of the test itself, which plays the operator. */
const OPERATORS: readonly RegExp[] = [/^host-1\/(?:agent\.conf|tags\/tags\.toml)$/];
const OTHERS = 0o077;
const NOBODY = 65_534;

/** A broker and an agent that have done something, in folders that everybody may enter. */
async function openToAll(t: Test) {
  const folder = await mkdtemp(join(tmpdir(), 'berth-test-'));
  t.teardown(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));
  const dataDir = join(folder, 'data');
  await mkdir(dataDir);
  for (const each of [folder, dataDir]) await chmod(each, 0o755);
  const broker = await startBroker(t, { bare: true, dataDir });
  startAgent(t, await writeServer(broker, { hostname: 'host-1' }), { bare: true });
  const { client } = broker;
  while ((await client.describeServers()).length === 0) await pause(50);
  await client.createSessions([{ Name: 'desk', Owner: 'ann', Type: 'VIRTUAL' }]);
  await client.call('POST', '/describeSessions', { AsOf: new Date().toISOString() });
  await client.call('GET', '/audit');
  const backup = runModule(t, BERTH, ['backup', '--data-dir', dataDir, '--to', join(folder, 'backup')], { bare: true });
  t.equal(await backup.ended, 0, backup.stderr());
  return { folder, broker };
}

async function filesIn(folder: string) {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const found = await Promise.all(
    entries
      .filter((entry) => !entry.isDirectory())
      .map(async ({ parentPath, name }) => {
        const path = join(parentPath, name);
        const mode = await stat(path).then(
          (file) => file.mode & 0o777,
          () => undefined,
        );
        return { path, way: relative(folder, path), mode };
      }),
  );
  return found.filter(({ mode }) => mode !== undefined) as { path: string; way: string; mode: number }[];
}

const isAny = (patterns: readonly RegExp[], way: string): boolean => patterns.some((pattern) => pattern.test(way));

t.test(
  'every file that a broker or an agent makes is for its user alone, but for what is public',
  { skip: process.platform === 'win32' },
  async (t) => {
    const { folder, broker } = await openToAll(t);
    for (const when of ['while it runs', 'when it has ended']) {
      const files = await filesIn(folder);
      t.ok(files.length > 15, `${files.length} files`);
      const open = files.filter(({ way, mode }) => (mode & OTHERS) !== 0 && !isAny([...PUBLIC, ...OPERATORS], way));
      t.same(
        open.map(({ way, mode }) => `${way} ${mode.toString(8)}`),
        [],
        when,
      );
      if (when === 'while it runs') await broker.kill('SIGTERM');
    }
  },
);

t.test(
  'another user can neither read what is private nor open the socket of administration',
  { skip: process.getuid?.() !== 0 && 'only root can become another user' },
  async (t) => {
    const { folder, broker } = await openToAll(t);
    const asNobody = (script: string, ...words: string[]) =>
      new Promise<string>((resolve) => {
        const options = { uid: NOBODY, gid: NOBODY, cwd: '/', env: { PATH: process.env['PATH'] } };
        execFile(process.execPath, ['-e', script, ...words], options, (_, stdout) => resolve(stdout.trim()));
      });
    const read = 'for (const path of process.argv.slice(1)) try { require("fs").readFileSync(path); console.log(path) } catch {}';
    const files = await filesIn(folder);
    const readable = (await asNobody(read, ...files.map(({ path }) => path)))
      .split('\n')
      .filter((path) => path !== '')
      .map((path) => relative(folder, path));
    t.same(
      readable.filter((way) => !isAny([...PUBLIC, ...OPERATORS], way)),
      [],
    );
    t.ok(
      readable.some((way) => isAny(OPERATORS, way)),
      'what is open to all was read',
    );
    const socket = await readAddress(broker.dataDir);
    t.equal((await stat(socket)).mode & 0o777, 0o600);
    const open =
      'require("net").connect(process.argv[1]).on("connect", () => { console.log("open"); process.exit() }).on("error", (error) => console.log(error.code))';
    t.equal(await asNobody(open, socket), 'EACCES');
    t.match(await asNobody(`require("fs").writeFileSync(process.argv[1] + "/x", ""); console.log("written")`, broker.dataDir), /^$/);
  },
);
