/** Which of the host's addresses clients are told. */
import { readFile } from 'node:fs/promises';
import type { NetworkInterfaceInfo } from 'node:os';

export type Interfaces = Readonly<Record<string, readonly Pick<NetworkInterfaceInfo, 'address' | 'family' | 'internal'>[] | undefined>>;

/**
 * That of the first of the named interfaces that has one, else of any: IPv4 before IPv6, and what works only on one wire not at all. A host without a network is
 * reached by itself alone.
 */
export function addressAmong(interfaces: Interfaces, names: readonly (string | undefined)[]): string {
  const all = Object.entries(interfaces);
  const wanted = names.flatMap((name) => all.filter(([each]) => each.toLowerCase() === name?.toLowerCase()));
  for (const [, addresses = []] of [...wanted, ...all.filter(([, addresses]) => hasIpv4(addresses)), ...all]) {
    const usable = addresses.filter(isUsable);
    const best = usable.find(({ family }) => family === 'IPv4') ?? usable[0];
    if (best !== undefined) return best.address;
  }
  return '127.0.0.1';
}

/** The interface that leads to everywhere: that of the default route which costs least. Undefined where that is not known (only Linux says so in a file). */
export async function defaultInterface(routes = '/proc/net/route'): Promise<string | undefined> {
  const lines = (await readFile(routes, 'utf8').catch(() => '')).trim().split('\n').slice(1);
  const fields = lines.map((line) => line.trim().split(/\s+/));
  const toEverywhere = fields.filter(([, destination, , , , , , mask]) => destination === '00000000' && mask === '00000000');
  return toEverywhere.sort((a, b) => Number(a[6]) - Number(b[6]))[0]?.[0];
}

type Address = Pick<NetworkInterfaceInfo, 'address' | 'family' | 'internal'>;

const hasIpv4 = (addresses: readonly Address[] = []): boolean => addresses.some((each) => each.family === 'IPv4' && isUsable(each));

const isUsable = ({ address, internal }: Address): boolean => !internal && !/^(169\.254\.|fe80:)/i.test(address);
