/**
 * The grammar of permissions files, as far as the broker and its agents hold callers to it. What makes no sense is refused with the number of
 * its line. A feature that is not known here is let through, because newer DCV servers know more of them, unless it is nearly one that is known:
 * a misspelt `deny` would leave open what it was to close.
 */
import { nearest } from '../suggest.ts';

const FEATURES = [
  'audio-in',
  'audio-out',
  'builtin',
  'clipboard-copy',
  'clipboard-paste',
  'display',
  'extensions-client',
  'extensions-server',
  'file-download',
  'file-upload',
  'gamepad',
  'keyboard',
  'keyboard-sas',
  'mouse',
  'pointer',
  'printer',
  'screenshot',
  'smartcard',
  'stylus',
  'touch',
  'unsupervised-access',
  'usb',
  'webcam',
];
const SECTIONS = ['groups', 'aliases', 'permissions'];
const RULES = ['allow', 'disallow', 'deny'];

/** Faults that are listed; whoever has more of them has sent something else. */
const MAX_FAULTS = 10;
/** Letters that are wrong in a name that counts as misspelt, fewer in a short one. */
const SLIP = 2;
const NAME = /^[A-Za-z0-9_.-]+$/;
/** Line breaks and tabs apart, control characters belong to no text. */
const CONTROL = /[^\P{Cc}\t\r\n]/u;
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** What a permissions file says, from base64, or what it is not. */
export function decodePermissions(base64: string): { readonly text: string } | { readonly fault: string } {
  if (!BASE64.test(base64)) return { fault: 'is not base64' };
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(base64, 'base64'));
    return CONTROL.test(text) ? { fault: 'is not text' } : { text };
  } catch {
    return { fault: 'is not text in UTF-8' };
  }
}

/** One phrase a fault, such as `line 3: …`; none for a file that a DCV server could take. */
export function permissionsFaults(text: string): readonly string[] {
  const lines = text.split(/\r\n|\r|\n/).map((line) => line.trim());
  const names = new Set([...FEATURES, ...aliasesIn(lines)]);
  const faults: string[] = [];
  let section: string | undefined;
  for (const [index, line] of lines.entries()) {
    const header = /^\[(.*)\]$/.exec(line)?.[1]?.trim();
    const fault = header === undefined ? faultIn(line, section, names) : sectionFault(header);
    if (header !== undefined) section = header;
    if (fault !== undefined) faults.push(`line ${index + 1}: ${fault}`);
  }
  return faults.length > MAX_FAULTS ? [...faults.slice(0, MAX_FAULTS), `and ${faults.length - MAX_FAULTS} more lines`] : faults;
}

/** Also those of lines with faults, which are not to be reported twice. */
function aliasesIn(lines: readonly string[]): readonly string[] {
  const first = lines.indexOf('[aliases]');
  if (first < 0) return [];
  const after = lines.slice(first + 1);
  const end = after.findIndex((line) => line.startsWith('['));
  return after.slice(0, end < 0 ? undefined : end).map((line) => line.split('=')[0]?.trim() ?? '');
}

function sectionFault(name: string): string | undefined {
  return SECTIONS.includes(name) ? undefined : `there is no section [${name}]; the sections are [groups], [aliases] and [permissions]`;
}

function faultIn(line: string, section: string | undefined, names: ReadonlySet<string>): string | undefined {
  if (line.startsWith('#import')) return importFault(line, section);
  if (line === '' || line.startsWith('#') || line.startsWith(';')) return undefined;
  switch (section) {
    case 'groups':
      return definitionFault(line, () => undefined);
    case 'aliases':
      return definitionFault(line, (feature) => featureFault(feature, names));
    case 'permissions':
      return permissionFault(line, names);
    default:
      return section === undefined ? 'this comes before the first section, such as [permissions]' : undefined;
  }
}

function importFault(line: string, section: string | undefined): string | undefined {
  if (!/^#import\s+\S/.test(line)) return '#import needs the path of a file';
  return section === undefined ? undefined : '#import must come before the first section';
}

/** `name=value, value` */
function definitionFault(line: string, faultOf: (value: string) => string | undefined): string | undefined {
  const [name = '', ...rest] = line.split('=');
  const values = rest
    .join('=')
    .split(',')
    .map((value) => value.trim());
  if (rest.length === 0) return 'expected name=value, value';
  if (!NAME.test(name.trim())) return `"${name.trim()}" is not a name; names have letters, digits, "-", "_" and "."`;
  if (values.includes('')) return 'a value is missing';
  return values.map(faultOf).find((fault) => fault !== undefined);
}

/** `actor rule feature feature`: names of groups may hold blanks, so the actor goes as far as the first rule. */
function permissionFault(line: string, names: ReadonlySet<string>): string | undefined {
  const words = line.split(/[\s,]+/).filter((word) => word !== '');
  const place = words.findIndex((word) => RULES.includes(word));
  if (place < 0) return 'expected an actor, then allow, disallow or deny, then features';
  if (place === 0) return `the actor before ${words[0]} is missing: a user, group:name, osgroup:name, %owner% or %any%`;
  const features = words.slice(place + 1);
  if (features.length === 0) return `the features after ${words[place]} are missing`;
  return (
    actorFault(words.slice(0, place).join(' ')) ?? features.map((name) => featureFault(name, names)).find((fault) => fault !== undefined)
  );
}

function actorFault(actor: string): string | undefined {
  const variable = /^%(.*)%$/.exec(actor)?.[1];
  if (actor.startsWith('%') && variable !== 'owner' && variable !== 'any')
    return `there is no actor ${actor}; the variables are %owner% and %any%`;
  return /^(?:group|osgroup|user):$/.test(actor) ? `the name after ${actor} is missing` : undefined;
}

function featureFault(name: string, names: ReadonlySet<string>): string | undefined {
  if (names.has(name)) return undefined;
  if (!NAME.test(name)) return `"${name}" is not the name of a feature`;
  const meant = nearest(name, [...names], Math.min(SLIP, Math.floor(name.length / 4)));
  return meant === undefined ? undefined : `there is no feature "${name}"; did you mean ${meant}?`;
}
