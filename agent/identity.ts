/** The server's id: made once and kept, so that a host stays itself when its name or address changes and is not listed twice. */
import { join } from 'node:path';
import { PRIVATE_MODE, replaceFile } from '../adapters/files.ts';
import { type ServerId, serverId } from '../domain/ids.ts';
import type { Random } from '../domain/ports/clock.ts';
import { readIfThere } from './file-storage.ts';

/** Of `server-id` in the state folder. */
export async function keptServerId(stateFolder: string, hostname: string, random: Random): Promise<ServerId> {
  const path = join(stateFolder, 'server-id');
  const kept = (await readIfThere(path))?.trim();
  if (kept !== undefined && kept !== '') return serverId(kept);
  const made = newServerId(hostname, random);
  await replaceFile(path, `${made}\n`, PRIVATE_MODE);
  return made;
}

/** Base64 of `<hostname>:<uuid>`, filled up with `-` so that it ends without `=`: consoles decode it to show it, and some put it into URLs. */
export function newServerId(hostname: string, random: Random): ServerId {
  const name = `${hostname.replace(/[^\x21-\x7e]/g, '-').slice(0, 255)}:${random.uuid()}`;
  const filled = name.padEnd(Math.ceil(name.length / 3) * 3, '-');
  return serverId(Buffer.from(filled, 'ascii').toString('base64'));
}
