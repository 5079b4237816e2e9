/** The broker's configuration file: Java properties, under the names of the original's `session-manager-broker.properties`. */
import { readFile } from 'node:fs/promises';
import { getProperties } from 'properties-file';
import { ConfigError, SETTINGS, type Setting, type SettingName, type Settings } from './config.ts';
import { nearest } from './suggest.ts';

/** What stands in the file; an empty value is as none. Throws ConfigError for a file that cannot be read and for a name that is not known. */
export async function readSettings(file: string): Promise<Settings> {
  const settings: Partial<Record<SettingName, Setting>> = {};
  for (const [name, value] of Object.entries(getProperties(await read(file)))) {
    const known = SETTINGS.find((setting) => setting === name);
    if (known === undefined) throw new ConfigError(`${file}: ${unknown(name)}`);
    if (value.trim() !== '') settings[known] = { value, from: `${file}: ${name}` };
  }
  return settings;
}

async function read(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    throw new ConfigError(`The configuration file ${file} cannot be read: ${(cause as Error).message}`, { cause });
  }
}

function unknown(name: string): string {
  const meant = nearest(name, SETTINGS);
  return `"${name}" is not a setting of this version of Berth${meant === undefined ? '.' : `; did you mean "${meant}"?`}`;
}
