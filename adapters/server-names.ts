/** By which names and addresses this machine's services can be reached, for the certificate. */
import { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { domainToASCII } from 'node:url';
import type { CertificateNames } from './certificate-issuer.ts';

/** What the machine says of itself: `os.hostname()` and `os.networkInterfaces()`. */
export interface Machine {
  readonly hostname: string;
  readonly interfaces: Readonly<Record<string, readonly { readonly address: string }[] | undefined>>;
}

/** An address that means "all of them" is nobody's name; one of a single link (`fe80::`) is of no use in a certificate. */
const NAMELESS = /^(0\.0\.0\.0|::|fe80:.*)$/i;

/** What a broker gives out as its own host: as it was told, or where it listens, or, where that is everywhere, the name of the machine. */
export function advertisedHost(told: { readonly advertisedHost?: string | undefined; readonly host: string }, machine: Machine): string {
  return told.advertisedHost ?? (NAMELESS.test(told.host) ? machine.hostname : told.host);
}

/**
 * By which programs on this machine reach what listens on `host`: who listens on all addresses, at the loopback one. A certificate of the operator's
 * (PEM) need not have any address, so then it is by the first name in it.
 */
export function localName(host: string, certificate: string): string {
  const near = LOOPBACK[host] ?? host;
  const leaf = new X509Certificate(certificate);
  if ((isIP(near) === 0 ? leaf.checkHost(near) : leaf.checkIP(near)) !== undefined) return near;
  return /DNS:([^*,\s]+)/.exec(leaf.subjectAltName ?? '')?.[1] ?? near;
}

const LOOPBACK: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '::': '::1' };

/** Of the port for agents and brokers, as other brokers are told it. */
export const brokerUrl = (host: string, port: number): string => `https://${isIP(host) === 6 ? `[${host}]` : host}:${port}`;

/** Everything that a client may put into the URL: the loopback names, the machine's own, and the `hosts` it was told to go by. */
export function serverNames(hosts: readonly string[], machine: Machine): CertificateNames {
  const addresses = Object.values(machine.interfaces).flatMap((infos) => (infos ?? []).map((info) => info.address));
  const all = ['localhost', machine.hostname, machine.hostname.replace(/\..*$/, ''), '127.0.0.1', '::1', ...addresses, ...hosts];
  const names = [...new Set(all)].filter((name) => !NAMELESS.test(name));
  return {
    dnsNames: [...new Set(names.filter((name) => isIP(name) === 0).map((name) => domainToASCII(name)))].filter((name) => name !== ''),
    ipAddresses: names.filter((name) => isIP(name) !== 0),
  };
}
