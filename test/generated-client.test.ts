/**
 * A Python client made by the generator that the original's Developer Guide names, from the document that the broker serves, goes through
 * the guide's flow with a broker and simulated servers. Wants Java, a Python with the client's four libraries, and the generator from the
 * package registry.
 */
import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import t, { type Test } from 'tap';
import { Agent, request } from 'undici';
import type { ConnectionFile } from '../adapters/connection-file.ts';
import { connectionOf, FREE_PORTS, runBerth } from './helpers/berth-process.ts';

const run = promisify(execFile);
const GENERATOR = '@openapitools/openapi-generator-cli@1.0.18-4.3.1';
/** From the build, where this file runs, to where the script is. */
const SCRIPT = fileURLToPath(new URL('../../test/generated-client.py', import.meta.url));
const UNKNOWN = '00000000-0000-4000-8000-000000000000';
const ID = /^[0-9a-f-]{36}$/;

/** The first of them that can run the client. */
async function findPython(): Promise<string | undefined> {
  for (const python of ['python3', '/usr/bin/python3']) {
    const works = await succeeds(python, ['-c', 'import certifi, dateutil, six, urllib3']);
    if (works) return python;
  }
  return undefined;
}

const succeeds = (command: string, parameters: readonly string[]) =>
  run(command, parameters).then(
    () => true,
    () => false,
  );

async function fetchDocument({ url, caFile }: ConnectionFile): Promise<string> {
  const dispatcher = new Agent({ connect: { ca: await readFile(caFile) } });
  try {
    return await (await request(`${url}/dcv-session-manager-api.yaml`, { dispatcher })).body.text();
  } finally {
    await dispatcher.close();
  }
}

/** Undefined where there is no generator to be had. */
async function generateClient(folder: string, document: string): Promise<string | undefined> {
  await writeFile(join(folder, 'api.yaml'), document);
  if (!(await succeeds('npm', ['install', '--prefix', folder, '--no-audit', '--no-fund', GENERATOR]))) return undefined;
  const jar = join(folder, 'node_modules/@openapitools/openapi-generator-cli/bin/openapi-generator.jar');
  const client = join(folder, 'client');
  const parameters = ['-i', join(folder, 'api.yaml'), '-g', 'python', '-o', client, '--package-name', 'swagger_client'];
  await run('java', ['-jar', jar, 'generate', ...parameters]);
  return client;
}

async function startBroker(t: Test, folder: string): Promise<ConnectionFile> {
  const berth = runBerth(t, 'start', '--servers', '5', '--data-dir', folder, ...FREE_PORTS);
  await berth.says('Berth is running');
  return connectionOf(folder);
}

const python = await findPython();
const missing = [
  ...((await succeeds('java', ['-version'])) ? [] : ['Java']),
  ...(python === undefined ? ['Python with certifi, dateutil, six and urllib3'] : []),
];

t.test(
  'a generated client goes through the flow of the guide',
  { skip: missing.length > 0 && `missing: ${missing.join(', ')}` },
  async (t) => {
    t.setTimeout(180_000);
    const folder = t.testdir();
    const broker = await startBroker(t, join(folder, 'data'));
    const client = await generateClient(folder, await fetchDocument(broker));
    if (client === undefined) {
      t.pass('the generator is there', { skip: `the package registry did not give ${GENERATOR}` });
      return;
    }
    const parameters = [SCRIPT, broker.url, broker.caFile, broker.clientId, broker.clientPassword];
    const { stdout } = await run(python ?? '', parameters, { env: { ...process.env, PYTHONPATH: client } });
    const seen = JSON.parse(stdout);
    checkSessions(t, seen);
    checkServers(t, seen);
  },
);

function checkSessions(t: Test, seen: Record<string, unknown> & { ids: string[] }): void {
  const [first = '', second = '', third = ''] = seen.ids;
  t.match(seen.ids, [ID, ID, ID]);
  t.strictSame(seen['creating'], [
    ['console', 'alice', 'CONSOLE', 'CREATING'],
    ['autorun', 'bob', 'VIRTUAL', 'CREATING'],
    ['init', 'carol', 'VIRTUAL', 'CREATING'],
  ]);
  t.strictSame(seen['not_created'], []);
  t.strictSame(seen['states'], { [first]: 'READY', [second]: 'READY', [third]: 'READY' });
  t.ok(Number(seen['created_in']) >= 2026);
  t.strictSame(seen['by_owner'], [second]);
  t.strictSame((seen['by_tag'] as string[]).toSorted(), [first, second, third].toSorted());
  t.match(seen['url'], new RegExp(`^https://[\\d.]+:\\d+/\\?authToken=[\\w.-]+#${first}$`));
  t.match(seen['pictures'], [{ session_id: first, images: [{ format: 'png', data: /^iVBORw0KGgo/, primary: true }] }]);
  t.match(seen['no_pictures'], [
    { get_session_screenshot_request_data: { session_id: UNKNOWN }, failure_reason: 'Dcv session not found.' },
  ]);
  t.strictSame(seen['permitted'], [first]);
  t.match(
    seen['deleted'],
    [first, second, third].map((id) => [id, /^DELET(ING|ED)$/]),
  );
  t.strictSame(seen['not_deleted'], [{ session_id: UNKNOWN, failure_reason: 'The requested dcvSession does not exist' }]);
}

function checkServers(t: Test, seen: Record<string, unknown>): void {
  const pages = seen['pages'] as string[][];
  const failure = { failure_code: 'DCV_SERVER_NOT_FOUND', failure_reason: 'Dcv server not found.' };
  t.strictSame(
    pages.slice(0, -1).map(({ length }) => length),
    new Array(pages.length - 1).fill(2),
  );
  t.ok(pages.length > 1 && new Set(pages.flat()).size === pages.flat().length, 'every server is on one page');
  t.ok(Number(seen['memory']) > 1024e6);
  t.strictSame([seen['closed'], seen['opened']], [[seen['server']], [seen['server']]]);
  t.match(seen['not_closed'], [{ close_server_request_data: { server_id: UNKNOWN }, ...failure }]);
  t.match(seen['not_opened'], [{ open_server_request_data: { server_id: UNKNOWN }, ...failure }]);
  t.strictSame(seen['unavailable'], ['UNAVAILABLE', 'SERVER_CLOSED']);
}
