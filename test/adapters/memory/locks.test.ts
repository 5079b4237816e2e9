import t from 'tap';
import { createMemoryLocks } from '../../../adapters/memory/locks.ts';
import { createSimulatedClock } from '../../helpers/simulated-clock.ts';
import { createMortalLocks } from '../../helpers/simulated-locks.ts';
import { FIRST, locksContract, SECOND } from '../locks.contract.ts';

await locksContract(t, 'locks in memory', async () => {
  const locksOf = createMemoryLocks();
  return [locksOf(FIRST), locksOf(SECOND)];
});

await locksContract(t, 'locks of a simulation', async () => {
  const locksOf = createMortalLocks(createSimulatedClock());
  return [locksOf(FIRST), locksOf(SECOND)];
});
