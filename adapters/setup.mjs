/**
 * Makes a checkout ready to run and then starts what was asked for: `node adapters/setup.mjs [module in dist] [arguments]`. Runs before
 * anything is installed or built, hence plain JavaScript without dependencies. Quiet when there is nothing to do; it speaks on stderr
 * only, so that the output of the program it starts stays clean.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';

const MINIMUM_NODE = [20, 17];
/** Longer than the slowest set-up there is: an installation and a build of SQLite on a small machine. */
const LOCK_PATIENCE_MS = 20 * 60_000;
const SOURCE_FOLDERS = ['domain', 'projections', 'adapters', 'agent', 'test', 'bench'];

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const inRoot = (...parts) => join(root, ...parts);
const lockFile = inRoot('.setup-lock');
const installStamp = inRoot('node_modules', '.berth-setup.json');
const buildStamp = inRoot('dist', '.built.json');

/** The steps in order: each says whether it has been done, and how it is done. */
const steps = [
  { done: isInstalled, run: install },
  { done: isDriverChecked, run: checkDriver },
  { done: isBuilt, run: build },
];

class SetupError extends Error {}

try {
  requireNode();
  if (!steps.every((step) => step.done())) await underLock(runSteps);
  await startProgram(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  say(error.message);
  process.exitCode = 1;
}

function requireNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  const [wantedMajor, wantedMinor] = MINIMUM_NODE;
  if (major > wantedMajor || (major === wantedMajor && minor >= wantedMinor)) return;
  throw new SetupError(`Berth needs Node.js ${MINIMUM_NODE.join('.')} or newer; this is ${process.versions.node}.`);
}

async function runSteps() {
  for (const step of steps) if (!step.done()) await step.run();
}

/** The module runs in this very process, so that signals and the exit code are its own. */
async function startProgram([module, ...parameters]) {
  if (module === undefined) return;
  const file = inRoot('dist', module);
  process.setSourceMapsEnabled(true);
  process.argv = [process.argv[0], file, ...parameters];
  await import(pathToFileURL(file).href);
}

function isInstalled() {
  const installed = modifiedAt(inRoot('node_modules', '.package-lock.json'));
  if (installed === undefined) return false;
  return readStamp(installStamp).lockFile === lockFileHash() || installed >= (modifiedAt(inRoot('package-lock.json')) ?? 0);
}

async function install() {
  say('Installing dependencies (npm ci), up to two minutes where SQLite has to be built ...');
  await step('The dependencies could not be installed.', ...npm('ci', '--include=dev', '--no-audit', '--no-fund'));
}

/** The driver is a binary: it depends on the system and on Node, not only on the lock file. */
function isDriverChecked() {
  const stamp = readStamp(installStamp);
  return stamp.lockFile === lockFileHash() && stamp.runtime === runtime();
}

async function checkDriver() {
  if (!(await driverLoads())) {
    say('Building SQLite from source, about two minutes: its ready-made binary does not run on this system ...');
    const failure = 'SQLite could not be built. It needs Python 3, make and a C++ compiler.';
    await step(failure, ...npm('rebuild', 'sqlite3', '--build-from-source'));
    if (!(await driverLoads())) throw new SetupError('SQLite was built from source, and still does not load on this system.');
  }
  writeFileSync(installStamp, JSON.stringify({ lockFile: lockFileHash(), runtime: runtime() }));
}

async function driverLoads() {
  const { code } = await run(process.execPath, ['-e', "require('sqlite3')"]);
  return code === 0;
}

/** Folders count too: a deleted file leaves no other trace. */
function isBuilt() {
  const builtAt = readStamp(buildStamp).startedAt;
  if (builtAt === undefined) return false;
  const inputs = [inRoot('tsconfig.json'), inRoot('package-lock.json'), ...SOURCE_FOLDERS.flatMap((name) => sources(inRoot(name)))];
  return inputs.every((path) => (modifiedAt(path) ?? 0) < builtAt);
}

async function build() {
  say('Building ...');
  const startedAt = Date.now();
  await step('The build failed.', process.execPath, [inRoot('node_modules', 'typescript', 'bin', 'tsc'), '-p', root]);
  for (const name of SOURCE_FOLDERS) removeOrphans(inRoot('dist', name), inRoot(name));
  writeFileSync(buildStamp, JSON.stringify({ startedAt }));
}

/** Without this a test that was deleted, or moved to another branch, would run for ever from the build. */
function removeOrphans(folder, sourceFolder) {
  for (const entry of entries(folder)) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) removeOrphans(path, join(sourceFolder, entry.name));
    else if (modifiedAt(join(sourceFolder, entry.name.replace(/\.js(\.map)?$/, '.ts'))) === undefined) rmSync(path);
  }
}

function sources(folder) {
  const inside = entries(folder).flatMap((entry) => {
    if (entry.isDirectory()) return entry.name === 'node_modules' ? [] : sources(join(folder, entry.name));
    return entry.name.endsWith('.ts') ? [join(folder, entry.name)] : [];
  });
  return [folder, ...inside];
}

/** Two set-ups of one checkout take turns; the second then finds everything done. A lock whose holder is gone is taken over. */
async function underLock(work) {
  const givingUpAt = Date.now() + LOCK_PATIENCE_MS;
  let told = false;
  while (!takeLock()) {
    const holder = Number(read(lockFile));
    if (!told && holder > 0) say(`Waiting for the set-up that process ${holder} is doing here ...`);
    told ||= holder > 0;
    if (Date.now() > givingUpAt) throw new SetupError(`Another set-up does not end. If there is none, delete ${lockFile}.`);
    await sleep(100);
    if (isAbandoned()) rmSync(lockFile, { force: true });
  }
  try {
    await work();
  } finally {
    rmSync(lockFile, { force: true });
  }
}

function takeLock() {
  try {
    writeFileSync(lockFile, String(process.pid), { flag: 'wx' });
    return true;
  } catch (error) {
    if (error.code === 'EEXIST') return false;
    throw new SetupError(`The folder ${root} cannot be written: ${error.message}`);
  }
}

/** An empty lock is one between its making and its first word, which takes no seconds. */
function isAbandoned() {
  const holder = Number(read(lockFile));
  return holder > 0 ? !isAlive(holder) : Date.now() - (modifiedAt(lockFile) ?? Date.now()) > 5_000;
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

/** Runs one step; if it fails, shows what it said and ends the set-up with `failure`. */
async function step(failure, command, parameters) {
  const { code, output } = await run(command, parameters);
  if (code === 0) return;
  say(output.trimEnd());
  throw new SetupError(failure);
}

function run(command, parameters) {
  return new Promise((resolve) => {
    const chunks = [];
    const child = spawn(command, parameters, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'], shell: command.endsWith('.cmd') });
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => chunks.push(chunk));
    child.on('error', (error) => resolve({ code: 1, output: `${command}: ${error.message}` }));
    child.on('close', (code) => resolve({ code, output: Buffer.concat(chunks).toString() }));
  });
}

/** The npm that started us, else the one on the path. */
function npm(...parameters) {
  const script = process.env.npm_execpath;
  if (script !== undefined && /npm-cli\.[cm]?js$/.test(script)) return [process.execPath, [script, ...parameters]];
  return [process.platform === 'win32' ? 'npm.cmd' : 'npm', parameters];
}

function lockFileHash() {
  return createHash('sha256')
    .update(read(inRoot('package-lock.json')))
    .digest('hex');
}

function runtime() {
  return `${process.platform} ${process.arch} ${process.versions.modules}`;
}

function readStamp(path) {
  try {
    return JSON.parse(read(path));
  } catch {
    return {};
  }
}

function read(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

function entries(folder) {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch {
    return [];
  }
}

/** Milliseconds since 1970; undefined: there is no such file. */
function modifiedAt(path) {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs;
}

function say(line) {
  process.stderr.write(`${line}\n`);
}
