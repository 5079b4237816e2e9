/** When a broker on a log that was written by hand has nothing left to add to it. */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { openConnection } from '../adapters/sqlite/connection.ts';

const RETURN_MS = 11_000;
const STILL_MS = 6_000;

/** Ten seconds after its start the broker records which servers are missing, since they have no agents; meanwhile it signs checkpoints of all that it finds. */
export async function untilAtRest(folder: string): Promise<void> {
  const log = await openConnection(join(folder, 'log.sqlite'), { readonly: true });
  const head = async () => (await log.all<{ head: number }>('SELECT max(position) AS head FROM facts'))[0]?.head;
  await sleep(RETURN_MS);
  for (let [before, now] = [await head(), undefined as number | undefined]; before !== now; ) {
    before = now;
    await sleep(STILL_MS);
    now = await head();
  }
  await log.close();
}
