/** What the access commands and a running broker say to each other. Both are of the same build; nobody else speaks this. */
import { z } from 'zod';
import { EVERYTHING, OWNER_SCOPES, SCOPES } from '../../domain/access/reach.ts';
import { withoutSlash } from '../../domain/auth-server/trusted.ts';
import { MAX_DNS_MAPPINGS, SERVER_ID_TYPES } from '../../domain/dns/events.ts';
import { knownScopes, scopeNamed } from '../scopes.ts';
import { ISSUER } from '../tokens.ts';

/** Long enough for a name, and for a host that one is made of. */
const MAX_NAME = 256;
const MAX_STATEMENT = 4096;
const name = z
  .string()
  .min(1)
  .max(MAX_NAME)
  .regex(/^[^\p{Cc}\p{Cs}]+$/u, 'has characters that cannot be used');

const scope = z.string().transform((text, context) => {
  const found = scopeNamed(text);
  if (found !== undefined) return found;
  context.addIssue({ code: 'custom', message: `is not known: ${knownScopes(text)}` });
  return z.NEVER;
});

/** Without scopes and owner: everything. */
export const registerClientWish = z
  .strictObject({
    name,
    scopes: z.array(scope).min(1, 'must name one at least').max(SCOPES.length).optional(),
    owner: name.regex(/\S/, 'must not be blank').optional(),
  })
  .superRefine(({ scopes = [], owner }, context) => {
    const beyond = scopes.filter((each) => !OWNER_SCOPES.includes(each));
    if (owner === undefined || beyond.length === 0) return;
    const message = `(--scope) must not have ${beyond.join(', ')} beside an owner (--owner), who has sessions only`;
    context.addIssue({ code: 'custom', path: ['scopes'], message });
  })
  .transform(({ name, scopes, owner }) => ({
    name,
    reach: {
      scopes: scopes === undefined ? EVERYTHING.scopes : SCOPES.filter((each) => scopes.includes(each)),
      owner: owner ?? EVERYTHING.owner,
    },
  }));
export const deactivateWish = z.strictObject({ statement: z.string().min(1).max(MAX_STATEMENT) });

const MAX_URL = 1024;
const WELL_KNOWN = '/.well-known/';

/** Keys that come over an open network could be anybody's. */
const keysUrl = z
  .string()
  .max(MAX_URL)
  .superRefine((text, context) => {
    const problem = urlProblem(text);
    if (problem !== undefined) context.addIssue({ code: 'custom', message: problem });
  })
  .transform((text) => new URL(text).href);

function urlProblem(text: string): string | undefined {
  if (!URL.canParse(text)) return 'must be the URL of a JSON Web Key Set, such as https://host/.well-known/jwks.json';
  const { protocol, hostname, username, password, hash } = new URL(text);
  if (username !== '' || password !== '' || hash !== '') return 'must be a URL without a user, a password and a fragment';
  const isHere = /^(localhost|127(\.\d+){3}|\[::1\])$/.test(hostname);
  return protocol === 'https:' || (protocol === 'http:' && isHere) ? undefined : 'must begin with https:// (http:// on this machine only)';
}

/** Without `issuer` it follows from the URL, as OpenID Connect Discovery lays it out. */
export const registerAuthServerWish = z
  .strictObject({
    url: keysUrl,
    issuer: z
      .string()
      .min(1)
      .max(MAX_URL)
      .regex(/^[^\p{Cc}\p{Cs}\s#]+$/u, 'has characters that cannot be used')
      .optional(),
  })
  .superRefine(({ url, issuer }, context) => {
    const missing = 'has to be given (--issuer), because it does not follow from a URL without /.well-known/';
    if (issuer === undefined && !url.includes(WELL_KNOWN)) context.addIssue({ code: 'custom', path: ['issuer'], message: missing });
    if (issuer === ISSUER) context.addIssue({ code: 'custom', path: ['issuer'], message: `must not be ${ISSUER}, which is this broker` });
  })
  .transform(({ url, issuer }) => ({ url, issuer: withoutSlash(issuer ?? url.slice(0, url.indexOf(WELL_KNOWN))) }));
export const unregisterAuthServerWish = z.strictObject({ url: keysUrl });
export const authServerList = z.array(z.object({ url: z.string(), issuer: z.string() }));

/** Gateways look it up, so it must be a name and no address. */
const dnsName = z
  .string()
  .max(253)
  .regex(/^(?=.*[A-Za-z])(?!-)[A-Za-z0-9-]{1,63}(\.(?!-)[A-Za-z0-9-]{1,63})*\.?$/, 'must be a DNS name');

const dnsMapping = z.strictObject({
  ServerIdType: z.enum(SERVER_ID_TYPES),
  ServerId: name,
  DnsNames: z.strictObject({ InternalDnsName: dnsName, ExternalDnsName: dnsName.optional() }),
});

/** The file of DNS mappings, as the original has it. */
export const dnsMappingFile = z
  .array(dnsMapping)
  .max(MAX_DNS_MAPPINGS)
  .superRefine((mappings, context) => {
    const seen = new Map<string, number>();
    for (const [index, { ServerIdType: type, ServerId: id }] of mappings.entries()) {
      const first = seen.get(`${type} ${id}`);
      if (first !== undefined)
        context.addIssue({ code: 'custom', path: [index, 'ServerId'], message: `is mapped by entry ${first + 1} already` });
      else seen.set(`${type} ${id}`, index);
    }
  });
export type DnsMappingFile = z.infer<typeof dnsMappingFile>;

/** As the original lists them. */
export const dnsMappingList = z.array(
  z.object({
    serverIdType: z.string(),
    serverId: z.string(),
    dnsNames: z.object({ internalDnsName: z.string(), externalDnsName: z.string().optional() }),
  }),
);

/** Shown once. */
export const issuedCredential = z.object({ id: z.string(), secret: z.string() });
export const credentialList = z.array(z.object({ name: z.string(), id: z.string(), active: z.boolean() }));
/** What a client that may do everything does not have is absent, as with the original. */
export const apiClientList = z.array(
  credentialList.element.extend({ scopes: z.array(z.string()).optional(), owner: z.string().optional() }),
);
/** `issuedAt`: milliseconds since 1970 (UTC). */
export const statementList = z.array(z.object({ id: z.string(), issuedAt: z.number(), active: z.boolean() }));
export const adminProblem = z.object({ error: z.string(), message: z.string().optional() });

/** Who gave the command, by the name that the operating system knows. Only that user and root can reach the broker this way. */
export const OPERATOR_HEADER = 'berth-operator';
