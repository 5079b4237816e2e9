/** A broker as people write it: `name`, `10.0.0.4`, `2001:db8::4`, each of them with `:port` behind it, an IPv6 address in brackets then. */
import { isIPv6 } from 'node:net';
import type { BrokerTarget } from './brokers.ts';

const MAX_PORT = 65_535;

/** Undefined where it is none of these. */
export function brokerTarget(text: string, defaultPort: number): BrokerTarget | undefined {
  if (isIPv6(text)) return { host: text, port: defaultPort };
  const [, address, name = address, port = defaultPort] = /^(?:\[(.+)\]|([^\s:[\]/]+))(?::(\d{1,5}))?$/.exec(text) ?? [];
  const isRight = name !== undefined && (address === undefined || isIPv6(address)) && Number(port) >= 1 && Number(port) <= MAX_PORT;
  return isRight ? { host: name, port: Number(port) } : undefined;
}
