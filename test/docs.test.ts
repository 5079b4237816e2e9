/** What the documents for users name is there: commands with their flags, settings, variables, and what links lead to. */
import { execFile } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import t from 'tap';
import { settingsFromEnvironment } from '../adapters/settings/environment.ts';
import { ALL_NAMES } from '../adapters/settings/layer.ts';
import { SETTINGS } from '../adapters/settings/names.ts';
import { BERTH } from './helpers/berth-process.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const documents = [
  ...['README.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md', 'bench/README.md'],
  ...readdirSync(join(root, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => join('docs', name)),
].map((name) => ({ name, text: readFileSync(join(root, name), 'utf8') }));

interface Fence {
  readonly language: string;
  readonly text: string;
}

const FENCE = /^ *```(\w*)\n([\s\S]*?)^ *```$/gm;
const fencesOf = (text: string): readonly Fence[] =>
  [...text.matchAll(FENCE)].map(([, language = '', inside = '']) => ({ language, text: inside.replaceAll('\\\n', ' ') }));
const proseOf = (text: string): string => text.replaceAll(FENCE, '');
const spansOf = (text: string): readonly string[] => [...proseOf(text).matchAll(/`([^`\n]+)`/g)].map(([, span = '']) => span);

/** As GitHub makes them. */
const anchorOf = (heading: string): string =>
  heading
    .replaceAll(/[`*]|\]\([^)]*\)|\[/g, '')
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\- ]/gu, '')
    .replaceAll(' ', '-');
const anchorsOf = (file: string): readonly string[] =>
  [...proseOf(readFileSync(file, 'utf8')).matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) => anchorOf(heading));

/** What is wrong with a link in a document; undefined: nothing. */
function faultOfLink(name: string, link: string): string | undefined {
  const [path = '', anchor] = link.split('#');
  const file = path === '' ? join(root, name) : resolve(root, dirname(name), path);
  if (!existsSync(file)) return `${name}: ${link} leads nowhere`;
  return anchor === undefined || anchorsOf(file).includes(anchor) ? undefined : `${name}: ${link} leads to no heading`;
}

t.test('every link from one document to another leads to a file and a heading that are there', async (t) => {
  const links = documents.flatMap(({ name, text }) =>
    [...proseOf(text).matchAll(/\]\(([^)\s]+)\)/g)].map(([, link = '']) => ({ name, link })),
  );
  const inside = links.filter(({ link }) => !/^[a-z]+:/.test(link));
  t.ok(inside.length > 50, 'the documents have been read');
  t.same(
    inside.flatMap(({ name, link }) => faultOfLink(name, link) ?? []),
    [],
  );
  t.match(faultOfLink('README.md', 'docs/nowhere.md'), 'leads nowhere');
  t.match(faultOfLink('README.md', 'docs/tls.md#nothing'), 'leads to no heading');
});

interface CommandHelp {
  readonly flags: ReadonlySet<string>;
  readonly commands: readonly string[];
}

const run = promisify(execFile);
const helps = new Map<string, Promise<CommandHelp>>();

/** What `berth … --help` says, asked once. */
function helpOf(path: readonly string[]): Promise<CommandHelp> {
  const key = path.join(' ');
  const asked = helps.get(key) ?? askHelp(path);
  helps.set(key, asked);
  return asked;
}

async function askHelp(path: readonly string[]): Promise<CommandHelp> {
  const { stdout } = await run(process.execPath, [BERTH, ...path, '--help']);
  const [options = '', commands = ''] = stdout.split(/^Commands:$/m);
  return {
    flags: new Set(options.match(/--[a-z][a-z-]*/g)),
    commands: [...commands.matchAll(/^ {2}([a-z][a-z-]*)/gm)].map(([, name = '']) => name),
  };
}

/** Where one command of a shell ends and another may begin. */
const END = /\|+|&+|[;#>)]/;
const CALL = /(?:^|[\s(`])berth\s+(?:--\s+)?([a-z][a-z-]*(?:\s.*)?)$/;

/** The words behind each `berth` that is followed by a command. A user and a container may be called the same. */
function callsIn(text: string): readonly (readonly string[])[] {
  const commands = text.split('\n').flatMap((line) => line.replaceAll('berth berth ', 'berth ').split(END));
  return commands.flatMap((command) => {
    const [, call] = CALL.exec(command.trim()) ?? [];
    return call === undefined ? [] : [call.split(/\s+/)];
  });
}

/** What is wrong with a call; undefined: nothing. */
async function faultOf(call: readonly string[]): Promise<string | undefined> {
  const top = await helpOf([]);
  const [first = '', second = ''] = call;
  if (!top.commands.includes(first)) return `there is no command ${first}`;
  const { flags, commands } = await helpOf([first]);
  const known = commands.includes(second) ? new Set([...flags, ...(await helpOf([first, second])).flags]) : flags;
  const strange = call.map((word) => word.replace(/=.*/, '')).find((word) => /^--[a-z]/.test(word) && !known.has(word));
  return strange && `there is no ${strange}`;
}

t.test('every command of berth in the documents is one that the program has, with its flags', async (t) => {
  let count = 0;
  for (const { name, text } of documents) {
    for (const call of [...fencesOf(text).map((fence) => fence.text), ...spansOf(text)].flatMap(callsIn)) {
      const fault = await faultOf(call);
      if (fault !== undefined) t.fail(`${name}: berth ${call.join(' ')}: ${fault}`);
      count += 1;
    }
  }
  t.ok(count > 50, 'the documents have been read');
  t.same(callsIn('sudo -u berth berth backup --to x && y').length, 1);
  t.match(await faultOf(['nonsense']), 'there is no command nonsense');
  t.match(await faultOf(['audit', 'verify', '--nonsense']), 'there is no --nonsense');
});

t.test('every setting and variable in the documents is one that a broker knows, and the reference has all of them', async (t) => {
  for (const { name, text } of documents) {
    const properties = fencesOf(text).filter(({ language }) => language === 'properties');
    const lines = properties.flatMap((fence) => [...fence.text.matchAll(/^([a-z][\w.-]*) *=/gm)].map(([, each = '']) => each));
    const ours = spansOf(text).flatMap((span) => span.match(/^berth\.[a-z][a-z-]+/g) ?? []);
    for (const setting of [...lines, ...ours]) if (!ALL_NAMES.includes(setting)) t.fail(`${name}: there is no setting ${setting}`);
    for (const variable of text.match(/\bBERTH_[A-Z_]+[A-Z]\b/g) ?? []) {
      for (const warning of settingsFromEnvironment({ [variable]: '' }).warnings) t.fail(`${name}: ${warning}`);
    }
  }
  const reference = String(documents.find(({ name }) => name === 'docs/configuration.md')?.text);
  for (const setting of SETTINGS) if (!reference.includes(`\`${setting}\``)) t.fail(`docs/configuration.md lacks ${setting}`);
});
