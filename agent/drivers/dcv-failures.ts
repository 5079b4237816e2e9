/** What it means when `dcv` ends with an error: a precise sentence for people, with the program's own words behind it. */
import { userInfo } from 'node:os';
import type { CommandEnd } from './dcv-command.ts';

export type FailureKind =
  | 'unknown option'
  | 'server down'
  | 'unknown owner'
  | 'limit reached'
  | 'exists'
  | 'no session'
  | 'not permitted'
  | 'no license'
  | 'other';

export interface Failure {
  readonly kind: FailureKind;
  readonly sentence: string;
}

/** Of the program's own words that go along. */
const MAX_WORDS = 400;

/** The first that fits. The wording of DCV servers differs between versions, so each knows several. */
const KINDS: readonly (readonly [FailureKind, RegExp])[] = [
  ['unknown option', /(unknown|unrecogni[sz]ed|invalid|unexpected|no such) (command[- ]line )?(option|flag|argument|switch)/i],
  [
    'server down',
    /dcv ?server\b.*\bnot running|not running.*dcv ?server|(could not|cannot|unable to|failed to) (connect|contact).*(dcv|server)/i,
  ],
  ['unknown owner', /not a local user|unknown user|no such user|\buser ('[^']*'|\S+) (does not exist|not found|is unknown)/i],
  ['exists', /already (exists|in use|running|present)/i],
  ['limit reached', /(max(imum)?|limit|no more|too many)\b.*\bsessions?\b|sessions?\b.*\b(limit|maximum)/i],
  [
    'no session',
    /\bsession ('[^']*'|\S+) (does not exist|not found|is unknown)|no such session|(could not|cannot|unable to) find.*session/i,
  ],
  ['not permitted', /permission denied|not (permitted|allowed|authori[sz]ed)|access denied|must be (root|an? administrator)|only root/i],
  ['no license', /licen[sc]e/i],
];

const SENTENCES: Readonly<Record<FailureKind, (command: string) => string>> = {
  'unknown option': (command) => `This version of the DCV server does not know an option of dcv ${command}`,
  'server down': () => 'The DCV server of the host is not running',
  'unknown owner': () => 'Specified user is not a local user of the host',
  exists: () => 'The host has such a session already',
  'limit reached': () => 'The DCV server takes no more sessions',
  'no session': () => 'The host has no such session',
  'not permitted': () =>
    `The agent's user ${userName()} may not do this: it must be among the administrators in the section [security] of dcv.conf`,
  'no license': () => 'The DCV server has no license for this',
  other: (command) => `dcv ${command} failed`,
};

export function failureOf(command: string, { code, stdout, stderr }: CommandEnd): Failure {
  const words = oneLine(stderr.trim() === '' ? stdout.toString('utf8') : stderr);
  const [kind] = KINDS.find(([, pattern]) => pattern.test(words)) ?? (['other'] as const);
  const saying = words === '' ? `with code ${code} and without a word` : `dcv says: ${words}`;
  return { kind, sentence: `${SENTENCES[kind](command)}${words === '' ? ' ' : '; '}${saying}` };
}

/** Without control characters and line breaks, and not too long. */
export function oneLine(text: string): string {
  const line = text.replaceAll(/[\p{Cc}\p{Zl}\p{Zp}\s]+/gu, ' ').trim();
  return line.length <= MAX_WORDS ? line : `${line.slice(0, MAX_WORDS)} …`;
}

function userName(): string {
  try {
    return userInfo().username;
    /* c8 ignore next 3 */ // Only the user of a container may have no name.
  } catch {
    return '';
  }
}
