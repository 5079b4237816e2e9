/** What a server gets: the package that `npm pack` makes. */
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import t from 'tap';

const root = fileURLToPath(new URL('../../', import.meta.url));
const run = promisify(execFile);

t.test('the package holds the program, its documents and its units, and nothing for development', async (t) => {
  const { bin } = JSON.parse(await readFile(`${root}/package.json`, 'utf8')) as { bin: { berth: string } };
  const { stdout } = await run('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], { cwd: root, maxBuffer: 16 * 2 ** 20 });
  const [{ files }] = JSON.parse(stdout) as [{ files: readonly { path: string }[] }];
  const paths = files.map(({ path }) => path);
  for (const wanted of [
    bin.berth,
    'dist/domain/actors.js',
    'dist/agent/main.js',
    'docs/operating.md',
    'docs/systemd/berth-broker.service',
    'LICENSE',
  ])
    t.ok(paths.includes(wanted), wanted);
  t.same(
    paths.filter((path) => /^(dist\/(test|bench)|test|bench|node_modules)\//.test(path)),
    [],
  );
  t.match(await readFile(`${root}/${bin.berth}`, 'utf8'), /^#!\/usr\/bin\/env node\n/);
});
