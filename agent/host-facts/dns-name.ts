/** The name under which others find the host. */
import { lookupService } from 'node:dns/promises';
import type { Clock } from '../../domain/ports/clock.ts';

export interface DnsNames {
  /** Undefined when nobody knows a name. Waits a second at most. */
  of(hostname: string, address: string): Promise<string | undefined>;
}

export type NameOfAddress = (address: string) => Promise<string>;

const PATIENCE_MS = 1000;
/** How long an answer is good for, and how long none. */
const FRESH_MS = 3_600_000;

export const nameOfAddress: NameOfAddress = async (address) => (await lookupService(address, 0)).hostname;

/** A host name with dots is complete; a short one is completed by what the address is called. */
export function createDnsNames(ask: NameOfAddress, clock: Clock): DnsNames {
  const answers = new Map<string, Promise<string | undefined>>();

  function asked(address: string): Promise<string | undefined> {
    const answer = ask(address).catch(() => undefined);
    answers.set(address, answer);
    clock.after(FRESH_MS, () => answers.delete(address));
    return answer;
  }

  return {
    async of(hostname, address) {
      if (hostname.includes('.')) return hostname;
      const late = new Promise<undefined>((resolve) => clock.after(PATIENCE_MS, () => resolve(undefined)));
      const name = await Promise.race([answers.get(address) ?? asked(address), late]);
      // Nobody is found by an address in words, nor by the name that every host has for itself.
      return name?.includes('.') && name !== address && !name.startsWith('localhost') && !name.includes(':') ? name : undefined;
    },
  };
}
