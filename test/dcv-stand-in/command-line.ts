/** The command line that the documentation of the DCV server describes, and nothing else: an undocumented flag is an error. */

interface Grammar {
  /** Flags that are followed by a value. */
  readonly values: readonly string[];
  readonly switches: readonly string[];
  /** Whether the id of a session stands there without a flag. */
  readonly id: boolean;
}

const JSON_SWITCHES = ['--json', '-j'];

const GRAMMARS: Readonly<Record<string, Grammar>> = {
  'create-session': {
    values: ['--type', '--name', '--user', '--owner', '--permissions-file', '--storage-root', '--gl', '--max-concurrent-clients', '--init'],
    switches: [],
    id: true,
  },
  'close-session': { values: [], switches: [], id: true },
  'list-sessions': { values: [], switches: JSON_SWITCHES, id: false },
  'describe-session': { values: [], switches: JSON_SWITCHES, id: true },
  'list-connections': { values: [], switches: JSON_SWITCHES, id: true },
  'list-endpoints': { values: [], switches: JSON_SWITCHES, id: false },
  'get-screenshot': {
    values: ['--max-width', '--max-height', '--format', '--output', '-o'],
    switches: ['--primary', ...JSON_SWITCHES],
    id: true,
  },
  'set-permissions': { values: ['--session', '--file'], switches: ['--none', '--reset-builtin'], id: false },
  version: { values: [], switches: [], id: false },
};

export interface CommandLine {
  readonly command: string;
  readonly id: string;
  readonly isJson: boolean;
  /** Undefined where the flag was not given. */
  value(flag: string): string | undefined;
}

/** Throws what the program prints. */
export function readCommandLine([command = '', ...words]: readonly string[]): CommandLine {
  const grammar = GRAMMARS[command];
  if (grammar === undefined) throw new Error(`Unknown command '${command}'`);
  const { given, ids } = sorted(words, grammar);
  if (ids.length !== (grammar.id ? 1 : 0)) throw new Error(`${command} takes ${grammar.id ? 'the id of one session' : 'no session id'}`);
  return { command, id: ids[0] ?? '', isJson: JSON_SWITCHES.some((flag) => given.has(flag)), value: (flag) => given.get(flag) };
}

function sorted(words: readonly string[], { values, switches }: Grammar) {
  const given = new Map<string, string>();
  const ids: string[] = [];
  const rest = [...words];
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    if (switches.includes(word)) given.set(word, '');
    else if (values.includes(word)) given.set(word, argumentOf(word, rest.shift()));
    else if (word.startsWith('-')) throw new Error(`Unknown option ${word}`);
    else ids.push(word);
  }
  return { given, ids };
}

function argumentOf(flag: string, value: string | undefined): string {
  if (value === undefined) throw new Error(`Missing argument for ${flag}`);
  return value;
}
