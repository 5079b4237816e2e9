/** Handing out credentials and checking them: what the domain's credentials are to HTTP. Secrets leave once, when they are made. */
import { randomBytes, randomUUID } from 'node:crypto';
import { accessKind, type CredentialKind } from '../domain/access/actor.ts';
import type { AccessCommand } from '../domain/access/commands.ts';
import type { AccessEvent } from '../domain/access/events.ts';
import { EVERYTHING, type Reach } from '../domain/access/reach.ts';
import { type Credential, createRegistry, type Registry } from '../domain/access/registry.ts';
import { type ActorPorts, createActors } from '../domain/actors.ts';
import type { Origin, RecordedFact } from '../domain/facts.ts';
import { type ClientId, clientId, requestId, streamName } from '../domain/ids.ts';
import { type EventLog, LogBusyError } from '../domain/ports/event-log.ts';
import type { Enrolled } from './http/agent-api.ts';
import { hashSecret, type Passwords, secretMatches } from './passwords.ts';

export interface IssuedCredential {
  readonly id: string;
  /** To be shown once: only its hash is kept. */
  readonly secret: string;
}

export interface Access {
  /** The secret is base64 text of a UUID, as the original's. Without a reach it may do everything. */
  registerApiClient(name: string, origin: Origin, reach?: Reach): Promise<IssuedCredential>;
  /** The secret is the statement itself: base64 of JSON with an id, as the original's, and 256 random bits. */
  issueSoftwareStatement(origin: Origin): Promise<IssuedCredential>;
  /** Undefined: the statement is unknown or not active. */
  enrolAgent(name: string, statement: string): Promise<Enrolled | undefined>;
  authenticateApiClient(id: string, password: string): Promise<boolean>;
  authenticateAgent(id: string, secret: string): Promise<boolean>;
  /** From then on none of its tokens is good here; on other brokers as soon as they hear of it. False: there is no such credential. */
  revoke(kind: CredentialKind, id: string, origin: Origin): Promise<boolean>;
  /** The id of a statement that is active, by the statement itself or by its id. */
  findStatement(statement: string): string | undefined;
  /** From memory where it is known here; throws LogFault or LogBusyError where the log has to be asked and cannot be. */
  isActive(kind: CredentialKind, id: string): Promise<boolean>;
  /** What this API client may do now; undefined: it is not registered. Throws as `isActive`. */
  reachOf(clientId: string): Promise<Reach | undefined>;
}

export interface AccessPorts extends ActorPorts {
  readonly registry: Registry;
  readonly passwords: Passwords;
}

/** Looks into the log at the same time; whoever has no credentials makes the broker do no more than this. */
const MAX_LOOKS = 100;
/** Of one stream: a credential is given out, and taken back. */
const MAX_FACTS = 10;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

type Grant = Extract<AccessCommand, { type: 'grant' }>['event'];
type Revocation = Extract<AccessCommand, { type: 'revoke' }>['event'];

const REVOCATIONS = {
  'api-client': 'api-client.unregistered',
  'software-statement': 'software-statement.deactivated',
  'agent-client': 'agent-client.unregistered',
} as const satisfies Record<CredentialKind, Revocation['type']>;

export function createAccess(ports: AccessPorts): Access {
  const { registry, passwords, clock } = ports;
  const look = createLook(ports.log);
  const actors = {
    'api-client': createActors(accessKind('api-client'), ports),
    'software-statement': createActors(accessKind('software-statement'), ports),
    'agent-client': createActors(accessKind('agent-client'), ports),
  };

  /** Also puts it into the registry, so that it is of use before its fact has come round. */
  async function grant(kind: CredentialKind, id: string, event: Grant, origin: Origin): Promise<void> {
    await actors[kind].create(id, { type: 'grant', event }, origin);
    registry.apply(id, event);
  }

  /** What another broker gave out a moment ago may not have come here yet. */
  async function find(kind: CredentialKind, id: string): Promise<Credential | undefined> {
    return registry.find(kind, id) ?? look(kind, id);
  }

  return {
    async registerApiClient(name, origin, { scopes, owner } = EVERYTHING) {
      const id = randomUUID();
      const secret = Buffer.from(randomUUID()).toString('base64');
      const passwordHash = await passwords.hash(secret);
      await grant('api-client', id, { type: 'api-client.registered', data: { name, passwordHash, scopes, owner } }, origin);
      return { id, secret };
    },
    async issueSoftwareStatement(origin) {
      const id = randomUUID();
      const content = {
        id,
        active: true,
        issuedAt: clock.now() / 1000,
        brokerVersion: '1.0.0',
        key: randomBytes(32).toString('base64url'),
      };
      const secret = Buffer.from(JSON.stringify(content)).toString('base64');
      const statementHash = hashSecret(secret);
      await grant('software-statement', id, { type: 'software-statement.issued', data: { statementHash } }, origin);
      return { id, secret };
    },
    async enrolAgent(name, statement) {
      const permit = registry.findStatement(hashSecret(statement.trim()));
      if (permit === undefined) return undefined;
      const id: ClientId = clientId(randomUUID());
      const clientSecret = randomBytes(32).toString('base64url');
      const data = { name, secretHash: hashSecret(clientSecret), statementId: permit.id };
      const origin: Origin = { cause: { kind: 'agent', id }, requestId: requestId(ports.random.uuid()) };
      await grant('agent-client', id, { type: 'agent-client.registered', data }, origin);
      return { clientId: id, clientSecret, issuedAt: clock.now() };
    },
    async authenticateApiClient(id, password) {
      const client = await find('api-client', id);
      return client !== undefined && passwords.matches(password, client.hash);
    },
    async authenticateAgent(id, secret) {
      const client = await find('agent-client', id);
      return client !== undefined && secretMatches(secret, client.hash);
    },
    async revoke(kind, id, origin) {
      if (!UUID.test(id)) return false;
      const event: Revocation = { type: REVOCATIONS[kind], data: {} };
      const outcome = await actors[kind].execute(id, { type: 'revoke', event }, origin);
      registry.apply(id, event);
      return !('rejected' in outcome);
    },
    findStatement: (statement) =>
      registry.findStatement(hashSecret(statement.trim()))?.id ?? registry.find('software-statement', statement.trim())?.id,
    isActive: async (kind, id) => (await find(kind, id)) !== undefined,
    reachOf: async (id) => (await find('api-client', id))?.reach,
  };
}

/** A credential as the log has it now. It is not kept: what follows from the facts in their order comes by itself. */
function createLook(log: EventLog): (kind: CredentialKind, id: string) => Promise<Credential | undefined> {
  let underWay = 0;
  return async (kind, id) => {
    if (!log.isShared || !UUID.test(id)) return undefined;
    if (underWay >= MAX_LOOKS) throw new LogBusyError('Too many credentials are being looked for.');
    underWay += 1;
    try {
      const seen = createRegistry();
      const facts = await log.readStream(streamName(kind, id), 0, MAX_FACTS);
      for (const fact of facts) seen.apply(id, fact as RecordedFact<AccessEvent>);
      return seen.find(kind, id);
    } finally {
      underWay -= 1;
    }
  };
}
