import t from 'tap';
import { createMemoryLocks } from '../../../adapters/memory/locks.ts';
import { locksContract } from '../locks.contract.ts';

await locksContract(t, 'locks in memory', async () => {
  const locks = createMemoryLocks();
  return [locks, locks];
});
