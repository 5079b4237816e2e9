/** The set-up script in small checkouts of its own: real npm, real tsc, and a driver that is a few lines of JavaScript. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { access, cp, mkdir, readFile, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';
import { temporaryFolder } from '../helpers/read-model.ts';

const root = fileURLToPath(new URL('../../../', import.meta.url));

interface Run {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

interface Checkout {
  readonly folder: string;
  path(...parts: string[]): string;
  write(file: string, text: string): Promise<void>;
  setUp(...parameters: string[]): Promise<Run>;
}

/** `driver`: what loading sqlite3 does in this checkout. */
async function checkout(t: Test, driver = ''): Promise<Checkout> {
  const folder = temporaryFolder(t);
  const path = (...parts: string[]): string => join(folder, ...parts);
  const write = (file: string, text: string): Promise<void> => writeFile(path(file), text);
  for (const name of ['adapters', 'packages/sqlite3', 'packages/typescript']) await mkdir(path(name), { recursive: true });
  await cp(join(root, 'adapters', 'setup.mjs'), path('adapters', 'setup.mjs'));
  const dependencies = { sqlite3: 'file:packages/sqlite3', typescript: 'file:packages/typescript' };
  await write('package.json', JSON.stringify({ name: 'checkout', version: '1.0.0', type: 'module', dependencies }));
  await write(
    'packages/sqlite3/package.json',
    JSON.stringify({ name: 'sqlite3', version: '1.0.0', scripts: { install: 'node build.cjs' } }),
  );
  await write('packages/sqlite3/index.js', driver);
  // Does what the real one's does: with this setting, nothing ready-made is taken.
  await write('packages/sqlite3/build.cjs', "if (process.env.npm_config_build_from_source) require('fs').writeFileSync('built', 'yes');");
  await write('packages/typescript/package.json', JSON.stringify({ name: 'typescript', version: '1.0.0' }));
  await symlink(join(root, 'node_modules', 'typescript', 'bin'), path('packages/typescript/bin'));
  await symlink(join(root, 'node_modules', 'typescript', 'lib'), path('packages/typescript/lib'));
  const compilerOptions = {
    module: 'nodenext',
    target: 'es2023',
    rootDir: '.',
    outDir: 'dist',
    strict: true,
    types: [],
    lib: ['es2023'],
    skipLibCheck: true,
  };
  await write('tsconfig.json', JSON.stringify({ compilerOptions, include: ['adapters'] }));
  await write('adapters/hello.ts', program("'hello', process.argv.slice(2).join(' ')"));
  await write(
    'package-lock.json',
    JSON.stringify({ name: 'checkout', version: '1.0.0', lockfileVersion: 3, packages: lockedPackages(dependencies) }),
  );
  return { folder, path, write, setUp: (...parameters) => run(process.execPath, [path('adapters/setup.mjs'), ...parameters], folder) };
}

/** A module that prints `what`, for a compiler that knows no globals. */
const program = (what: string): string => `declare const console: any, process: any;\nconsole.log(${what});\nexport {};\n`;

/** What npm itself would lock for packages in folders. */
function lockedPackages(dependencies: Readonly<Record<string, string>>): object {
  const packages = Object.entries(dependencies).flatMap(([name, place]) => {
    const folder = place.replace('file:', '');
    return [
      [folder, { version: '1.0.0', ...(name === 'sqlite3' && { hasInstallScript: true }) }],
      [`node_modules/${name}`, { resolved: folder, link: true }],
    ];
  });
  return { '': { name: 'checkout', version: '1.0.0', dependencies }, ...Object.fromEntries(packages) };
}

function run(command: string, parameters: readonly string[], cwd: string): Promise<Run> {
  return new Promise((resolve) => {
    execFile(command, parameters, { cwd }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr });
    });
  });
}

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );

t.test('a fresh checkout is installed and built, then the program runs; the next time nothing is left to do', async (t) => {
  const { setUp } = await checkout(t);
  const first = await setUp('adapters/hello.js', 'a', 'b');
  t.same({ code: first.code, stdout: first.stdout }, { code: 0, stdout: 'hello a b\n' });
  t.match(first.stderr, /^Installing dependencies .*\nBuilding \.\.\.\n$/);

  const startedAt = performance.now();
  t.same(await setUp('adapters/hello.js'), { code: 0, stdout: 'hello \n', stderr: '' });
  t.comment(`a start with nothing to do takes ${Math.round(performance.now() - startedAt)} ms`);
});

t.test('what has changed is done again, and only that', async (t) => {
  const { setUp, path, write } = await checkout(t);
  await setUp();

  await write('adapters/hello.ts', program("'changed'"));
  t.same(await setUp('adapters/hello.js'), { code: 0, stdout: 'changed\n', stderr: 'Building ...\n' });

  await write('adapters/second.ts', 'export const second = 2;\n');
  await setUp();
  t.ok(await exists(path('dist/adapters/second.js')));
  await rm(path('adapters/second.ts'));
  t.equal((await setUp()).stderr, 'Building ...\n', 'a deleted file counts');
  t.notOk(await exists(path('dist/adapters/second.js')), 'and takes its output with it');

  const later = new Date(Date.now() + 60_000);
  await utimes(path('package-lock.json'), later, later);
  t.notMatch((await setUp()).stderr, 'Installing', 'a lock file that was only touched is the same');
  await write('package-lock.json', `${await readFile(path('package-lock.json'), 'utf8')}\n`);
  await utimes(path('package-lock.json'), later, later);
  t.match((await setUp()).stderr, /^Installing/);
});

t.test('a driver that does not load is built from source, once', async (t) => {
  const { setUp } = await checkout(t, "require('fs').readFileSync(require('path').join(__dirname, 'built'));");
  const first = await setUp('adapters/hello.js');
  t.equal(first.stdout, 'hello \n');
  t.match(first.stderr, 'Building SQLite from source, about two minutes');
  t.equal((await setUp('adapters/hello.js')).stderr, '');
});

t.test('a driver that cannot be built ends the set-up with a sentence', async (t) => {
  const never = await checkout(t, "throw new Error('wrong glibc');");
  const first = await never.setUp('adapters/hello.js');
  t.same({ code: first.code, stdout: first.stdout }, { code: 1, stdout: '' });
  t.match(first.stderr, 'SQLite was built from source, and still does not load on this system.\n');

  const broken = await checkout(t, "throw new Error('wrong glibc');");
  await broken.write(
    'packages/sqlite3/build.cjs',
    "if (process.env.npm_config_build_from_source) { console.error('no compiler'); process.exit(1); }",
  );
  const second = await broken.setUp();
  t.equal(second.code, 1);
  t.match(second.stderr, 'no compiler');
  t.match(second.stderr, /SQLite could not be built\. It needs Python 3, make and a C\+\+ compiler\.\n$/);
});

t.test('a step that fails shows what it said, and is tried again', async (t) => {
  const { setUp, write } = await checkout(t);
  await write('adapters/hello.ts', "const wrong: number = 'text';\n");
  const first = await setUp('adapters/hello.js');
  t.same({ code: first.code, stdout: first.stdout }, { code: 1, stdout: '' });
  t.match(first.stderr, "adapters/hello.ts(1,7): error TS2322: Type 'string' is not assignable to type 'number'.");
  t.match(first.stderr, /The build failed\.\n$/);
  t.equal((await setUp()).code, 1);

  await write('package-lock.json', '{}');
  const second = await setUp();
  t.equal(second.code, 1);
  t.match(second.stderr, /The dependencies could not be installed\.\n$/);
});

t.test('two set-ups at once take turns', async (t) => {
  const { setUp, path } = await checkout(t);
  const [one, other] = await Promise.all([setUp('adapters/hello.js'), setUp('adapters/hello.js')]);
  t.same([one.code, other.code], [0, 0]);
  t.same([one.stdout, other.stdout], ['hello \n', 'hello \n']);
  t.equal(`${one.stderr}${other.stderr}`.split('Installing').length, 2, 'one of them did the work');
  t.match(`${one.stderr}${other.stderr}`, /Waiting for the set-up that process \d+ is doing here/);
  t.notOk(await exists(path('.setup-lock')));
});

t.test('a lock whose holder is gone is taken over', async (t) => {
  const { setUp, write } = await checkout(t);
  const gone = spawn(process.execPath, ['-e', '']);
  await once(gone, 'exit');
  await write('.setup-lock', String(gone.pid));
  t.equal((await setUp('adapters/hello.js')).stdout, 'hello \n');
});

t.test('Node.js that is too old is told so in one sentence', async (t) => {
  const { path, setUp } = await checkout(t);
  const script = await readFile(path('adapters/setup.mjs'), 'utf8');
  // No older Node is at hand, so the script is made to ask for a newer one.
  await writeFile(path('adapters/setup.mjs'), script.replace('MINIMUM_NODE = [20, 17]', 'MINIMUM_NODE = [99, 0]'));
  t.same(await setUp(), { code: 1, stdout: '', stderr: `Berth needs Node.js 99.0 or newer; this is ${process.versions.node}.\n` });
});
