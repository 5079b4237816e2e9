/** The broker's configuration file: Java properties, under the names of the original's `session-manager-broker.properties`. */
import { readFile } from 'node:fs/promises';
import { Properties } from 'properties-file/parser';
import { type Layer, type Said, sortedOut } from './layer.ts';
import { ConfigError } from './setting.ts';

/** Lines of the original's file with all that may stand in it: some 200. */
const MAX_BYTES = 1024 * 1024;

/** What stands in the file; an empty value is as none. Throws ConfigError for a file that cannot be read. */
export async function readSettingsFile(file: string): Promise<Layer> {
  const properties = new Properties(await read(file));
  const said = properties.nodes.flatMap((node): Said[] => {
    if (node.type !== 'property') return [];
    const { key, value, startingLineNumber } = node;
    const at = `${file}:${startingLineNumber}`;
    return [{ name: key, value, from: `${at}: ${key}`, at }];
  });
  const layer = sortedOut(said, (name) => name);
  const twice = properties.getKeyCollisions().map(({ key, nodes }) => {
    const lines = nodes.map(({ startingLineNumber }) => startingLineNumber);
    return `${file}:${lines[0]}: ${key} is set ${nodes.length} times; what line ${lines.at(-1)} says counts.`;
  });
  return { ...layer, warnings: [...layer.warnings, ...twice] };
}

async function read(file: string): Promise<string> {
  try {
    const text = await readFile(file, 'utf8');
    if (text.length <= MAX_BYTES) return text;
  } catch (cause) {
    throw new ConfigError(`The configuration file ${file} cannot be read: ${(cause as Error).message}`, { cause });
  }
  throw new ConfigError(`The configuration file ${file} is larger than ${MAX_BYTES} bytes, so it is something else.`);
}
