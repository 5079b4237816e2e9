/** The agent link spoken by hand, to say what no proper agent says. */
import { readFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { Agent, request } from 'node:https';
import { serverId } from '../../domain/ids.ts';
import type { Greeting, Welcome } from '../../domain/ports/agent-link.ts';
import type { TestBroker } from './agent-broker.ts';
import { description } from './samples.ts';

export const greeting = (changes: Partial<Greeting> = {}): Greeting => ({
  serverId: serverId('c2VydmVyLTE'),
  description: description(),
  telemetry: { memoryUsedBytes: 1, swapUsedBytes: 0, cpuLoadAverage: [0.1, 0.2, 0.3] },
  healthy: true,
  loggedInUsers: [],
  sessions: [],
  inProgress: [],
  ...changes,
});

export interface RawAnswer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: Record<string, unknown>;
}

export interface RawAgent {
  post(path: string, body: unknown, token?: string | null): Promise<RawAnswer>;
  greet(changes?: Partial<Greeting>): Promise<Welcome>;
  /** The open order stream; nothing of it is read before somebody listens. */
  orders(connectionId?: string): Promise<IncomingMessage>;
  close(): void;
}

/** An agent with a token of its own, as the client `name`. */
export function rawAgent(broker: Pick<TestBroker, 'caFile' | 'port' | 'tokens'>, name = 'client-1'): RawAgent {
  const token = `token-of-${name}`;
  broker.tokens.set(token, name);
  const agent = new Agent({ keepAlive: true, ca: readFileSync(broker.caFile) });
  const base = { host: '127.0.0.1', port: broker.port, agent };

  async function post(path: string, body: unknown, bearer: string | null = token): Promise<RawAnswer> {
    const text = typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body);
    const headers = { 'content-type': 'application/json', ...(bearer === null ? {} : { authorization: `Bearer ${bearer}` }) };
    return new Promise((resolve, reject) => {
      const asked = request({ ...base, path, method: 'POST', headers }, (response) => {
        let said = '';
        response.setEncoding('utf8');
        response.on('data', (part: string) => {
          said += part;
        });
        response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body: JSON.parse(said) }));
      });
      asked.on('error', reject);
      asked.end(text);
    });
  }

  return {
    post,
    async greet(changes) {
      const answer = await post('/agent/connect', greeting(changes));
      if (answer.status !== 200) throw new Error(`status ${answer.status}: ${JSON.stringify(answer.body)}`);
      return answer.body as unknown as Welcome;
    },
    orders: (connectionId) =>
      new Promise((resolve, reject) => {
        const headers = { authorization: `Bearer ${token}`, 'last-event-id': 'whatever' };
        const path = connectionId === undefined ? '/agent/orders' : `/agent/orders?connectionId=${connectionId}`;
        request({ ...base, path, headers }, (response) => {
          response.on('error', () => undefined);
          resolve(response);
        })
          .on('error', reject)
          .end();
      }),
    close: () => agent.destroy(),
  };
}
