/** The broker's side of the agent link over real HTTPS, with a reception that writes down what it hears. */
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Hono } from 'hono';
import type { Attempts } from '../../adapters/audit/attempts.ts';
import type { Certificates } from '../../adapters/certificates.ts';
import { createAgentApi } from '../../adapters/http/agent-api.ts';
import type { ConnectionSettings } from '../../adapters/http/agent-connection.ts';
import { type AgentConnections, createAgentConnections } from '../../adapters/http/agent-connections.ts';
import { recordRefusals } from '../../adapters/http/problem.ts';
import { serveHttps } from '../../adapters/http/serve.ts';
import { systemClock, systemRandom } from '../../adapters/system.ts';
import type { RefusedAttempt } from '../../domain/attempt/events.ts';
import type { Origin } from '../../domain/facts.ts';
import { clientId } from '../../domain/ids.ts';
import type { Greeting, Order, Report, Telemetry } from '../../domain/ports/agent-link.ts';
import type { Reception } from '../../domain/ports/reception.ts';
import { certificatesIn } from './certificates.ts';

export const STATEMENT = 'a-software-statement';

/** Everything that agents said, in order. */
export interface Heard {
  readonly greetings: Greeting[];
  readonly connected: string[];
  readonly reports: Report[];
  readonly telemetry: Telemetry[];
  readonly lost: { readonly serverId: string; readonly reason: string }[];
  readonly failures: unknown[];
  readonly refused: { readonly attempt: RefusedAttempt; readonly origin: Origin }[];
}

export interface TestBroker {
  readonly port: number;
  readonly caFile: string;
  readonly heard: Heard;
  readonly connections: AgentConnections;
  /** Sent whenever an order stream opens, as a broker does with outstanding orders. */
  readonly outstanding: Order[];
  /** Tokens that are good, with their client. */
  readonly tokens: Map<string, string>;
  readonly clients: Map<string, string>;
  /** What `reported` does in the place of acknowledging everything. */
  behave(reported: (reports: readonly Report[]) => Promise<readonly string[]>): void;
  rejectGreetings(sentence: string | Error | undefined): void;
  /** The status of every token request from now on; undefined: as it ought to be. */
  answerTokensWith(status: 500 | 401 | undefined): void;
  stop(): Promise<void>;
}

export interface TestBrokerOptions {
  readonly port?: number;
  /** An address of this machine; its certificate is for localhost and 127.0.0.1. */
  readonly host?: string;
  readonly folder?: string;
  readonly settings?: Partial<ConnectionSettings>;
  readonly anonymous?: boolean;
  /** The one with which agents enrol. */
  readonly statement?: string;
  /** What it answers when it is asked how it is. */
  readonly health?: 200 | 404 | 503;
  /** In the place of a certificate that is good. */
  readonly certificates?: Certificates;
  readonly clients?: Map<string, string>;
}

const FAST: Partial<ConnectionSettings> = { heartbeatMs: 100, silenceMs: 3000, graceMs: 300, screenshotMs: 5000 };

export async function startTestBroker(options: TestBrokerOptions = {}): Promise<TestBroker> {
  const folder = options.folder ?? (await mkdtemp(join(tmpdir(), 'berth-broker-')));
  const certificates = options.certificates ?? (await certificatesIn(folder));
  const heard: Heard = { greetings: [], connected: [], reports: [], telemetry: [], lost: [], failures: [], refused: [] };
  const connections = createAgentConnections({ clock: systemClock, random: systemRandom }, { ...FAST, ...options.settings });
  const outstanding: Order[] = [];
  const tokens = new Map<string, string>();
  const clients = options.clients ?? new Map<string, string>();
  const owners = new Map<string, string>();
  let rejection: string | Error | undefined;
  let tokenStatus: 500 | 401 | undefined;
  let reported = async (reports: readonly Report[]): Promise<readonly string[]> => {
    heard.reports.push(...reports);
    return reports.map(({ reportId }) => reportId);
  };
  const reception: Reception = {
    async greeted(greeting, client) {
      if (rejection instanceof Error) throw rejection;
      if (rejection !== undefined) return { rejected: rejection };
      if ((owners.get(greeting.serverId) ?? client) !== client) return { rejected: 'This server id belongs to another agent' };
      owners.set(greeting.serverId, client);
      heard.greetings.push(greeting);
      return { welcome: true };
    },
    connected(serverId) {
      heard.connected.push(serverId);
      for (const order of outstanding) connections.send(serverId, order);
    },
    reported: (_, reports) => reported(reports),
    telemetry: (_, telemetry) => heard.telemetry.push(telemetry),
    lost: (serverId, reason) => heard.lost.push({ serverId, reason }),
  };
  connections.start(reception);

  const app = new Hono();
  const attempts: Attempts = { refused: (attempt, origin) => void heard.refused.push({ attempt, origin }) };
  app.use(recordRefusals({ attempts, random: systemRandom }));
  app.get('/health', (c) => c.json({}, options.health ?? 200));
  app.post('/oauth2/token', async (c) => {
    if (tokenStatus !== undefined) return c.json({ error: 'no_luck', error_description: 'not today' }, tokenStatus);
    const [, basic = ''] = (c.req.header('Authorization') ?? '').split(' ');
    const [id = '', secret] = Buffer.from(basic, 'base64').toString().split(':');
    if (secret === undefined || clients.get(id) !== secret) return c.json({ error: 'invalid_client' }, 401);
    const token = systemRandom.uuid();
    tokens.set(token, id);
    return c.json({ access_token: token, token_type: 'Bearer', expires_in: 3600 });
  });
  app.route(
    '/',
    createAgentApi({
      reception,
      connections,
      async enrol(_, statement) {
        if (statement !== (options.statement ?? STATEMENT)) return undefined;
        const client = { clientId: clientId(systemRandom.uuid()), clientSecret: systemRandom.uuid(), issuedAt: Date.now() };
        clients.set(client.clientId, client.clientSecret);
        return client;
      },
      async verifyAgentToken(token) {
        const id = tokens.get(token);
        return id === undefined ? undefined : clientId(id);
      },
      anonymousClient: options.anonymous === true ? clientId('anyone') : undefined,
      contested: async (serverId, run) => connections.contested(serverId, run),
      failed: (error) => heard.failures.push(error),
    }),
  );
  const serving = await serveHttps(app, {
    host: options.host ?? '127.0.0.1',
    port: options.port ?? 0,
    ...certificates,
    limits: { closeTimeoutMs: 50 },
  });
  return {
    port: serving.port,
    caFile: certificates.caFile,
    heard,
    connections,
    outstanding,
    tokens,
    clients,
    behave(behaviour) {
      reported = behaviour;
    },
    rejectGreetings(sentence) {
      rejection = sentence;
    },
    answerTokensWith(status) {
      tokenStatus = status;
    },
    async stop() {
      connections.close();
      await serving.close();
    },
  };
}
