/** Who this broker is among others on the same log: a UUID that its data folder keeps, so that the servers of a broker are its own after a restart. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type BrokerId, brokerId } from '../domain/ids.ts';
import type { Random } from '../domain/ports/clock.ts';
import { PRIVATE_MODE, replaceFile } from './files.ts';

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Made on the first start. What is not a UUID is replaced. */
export async function ensureBrokerId(folder: string, random: Random): Promise<BrokerId> {
  const file = join(folder, 'broker-id');
  const kept = await readFile(file, 'utf8').catch(() => '');
  if (UUID.test(kept.trim())) return brokerId(kept.trim());
  const id = random.uuid();
  await replaceFile(file, `${id}\n`, PRIVATE_MODE);
  return brokerId(id);
}
