/** What the access commands and a running broker say to each other. Both are of the same build; nobody else speaks this. */
import { z } from 'zod';
import { MAX_DNS_MAPPINGS, SERVER_ID_TYPES } from '../../domain/dns/events.ts';

/** Long enough for a name, and for a host that one is made of. */
const MAX_NAME = 256;
const MAX_STATEMENT = 4096;
const name = z
  .string()
  .min(1)
  .max(MAX_NAME)
  .regex(/^[^\p{Cc}\p{Cs}]+$/u, 'has characters that cannot be used');

export const registerClientWish = z.strictObject({ name });
export const deactivateWish = z.strictObject({ statement: z.string().min(1).max(MAX_STATEMENT) });

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
/** `issuedAt`: milliseconds since 1970 (UTC). */
export const statementList = z.array(z.object({ id: z.string(), issuedAt: z.number(), active: z.boolean() }));
export const adminProblem = z.object({ error: z.string(), message: z.string().optional() });

/** Who gave the command, by the name that the operating system knows. Only that user and root can reach the broker this way. */
export const OPERATOR_HEADER = 'berth-operator';
