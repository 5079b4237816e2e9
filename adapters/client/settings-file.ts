/**
 * `dcvsmcli.conf`, the client's configuration file: sections, and `key = value` in each, as Python's configparser reads them. Read here and not
 * by a library, because the well-known ones know no line numbers and cut values off at `;` and `#`, which may be part of a password.
 */
import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { nearest } from '../suggest.ts';
import { ClientFault, EXIT } from './client-fault.ts';

const KEYS = [
  'broker.url',
  'authentication.auth-server-url',
  'authentication.client-id',
  'authentication.client-password',
  'security.no-verify-ssl',
  'security.ca-bundle',
  'output.debug',
  'output.output-format',
] as const;
export type FileKey = (typeof KEYS)[number];

export interface SettingsFile {
  /** Undefined where there is none. */
  readonly path: string | undefined;
  readonly values: ReadonlyMap<FileKey, FileValue>;
}

export interface FileValue {
  readonly value: string;
  /** For messages: `/home/ann/.config/dcvsmcli.conf, line 3: url`. */
  readonly from: string;
}

export type Environment = Readonly<Record<string, string | undefined>>;

/** Where the file is looked for that nobody names. */
export function usualFile(env: Environment, platform = process.platform): string {
  if (platform === 'win32') return join(env['USERPROFILE'] || homedir(), 'dcvsmcli.conf');
  return join(env['XDG_CONFIG_HOME'] || join(homedir(), '.config'), 'dcvsmcli.conf');
}

/** A file that is named has to be there. */
export async function readSettingsFile(named: string | undefined, env: Environment): Promise<SettingsFile> {
  const path = named ?? usualFile(env);
  try {
    return { path, values: parseSettings(await readFile(path, 'utf8'), path) };
  } catch (error) {
    if (error instanceof ClientFault) throw error;
    const { code, message } = error as NodeJS.ErrnoException;
    if (named === undefined && (code === 'ENOENT' || code === 'ENOTDIR')) return { path: undefined, values: new Map() };
    throw new ClientFault(EXIT.configuration, `The configuration file ${path} cannot be read: ${message}`, { cause: error });
  }
}

/** Later lines win, as with the original. An empty value is as none. */
function parseSettings(text: string, path: string): ReadonlyMap<FileKey, FileValue> {
  const values = new Map<FileKey, FileValue>();
  let section = '';
  for (const [index, raw] of text
    .replace(/^\uFEFF/, '')
    .split(/\r?\n/)
    .entries()) {
    const line = raw.trim();
    const where = `${path}, line ${index + 1}`;
    if (line === '' || line.startsWith('#') || line.startsWith(';')) continue;
    const [, heading] = /^\[([^\]]*)\]$/.exec(line) ?? [];
    if (heading === undefined) {
      const { key, value } = parseLine(section, line, where);
      if (value !== '') values.set(key, { value, from: `${where}: ${key.slice(key.indexOf('.') + 1)}` });
    } else section = heading.trim().toLowerCase();
  }
  return values;
}

function parseLine(section: string, line: string, where: string): { readonly key: FileKey; readonly value: string } {
  const [, name, value] = /^([^=:]+?)\s*[=:]\s*(.*)$/.exec(line) ?? [];
  // The line itself is not repeated: a password may be in it.
  if (name === undefined || value === undefined) throw new ClientFault(EXIT.configuration, `${where}: a line must be "key = value".`);
  const full = `${section}.${name.toLowerCase()}`;
  const key = KEYS.find((known) => known === full);
  if (key !== undefined) return { key, value: withoutQuotes(value) };
  const meant = nearest(full, KEYS);
  const hint = meant === undefined ? '' : `; did you mean ${inSection(meant)}?`;
  throw new ClientFault(EXIT.configuration, `${where}: ${inSection(full)} is not a setting of the client${hint || '.'}`);
}

function inSection(key: string): string {
  const [section, ...name] = key.split('.');
  return `"${name.join('.')}" in [${section}]`;
}

const withoutQuotes = (value: string): string => /^"(.*)"$/.exec(value)?.[1] ?? /^'(.*)'$/.exec(value)?.[1] ?? value;
