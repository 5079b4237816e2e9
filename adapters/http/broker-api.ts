/** What other brokers on the log may ask of this one. Mounted on the agent port, below `/brokers`, with tokens of an audience of its own. */
import { Hono } from 'hono';
import type { ServerId } from '../../domain/ids.ts';
import type { AgentLink } from '../../domain/ports/agent-link.ts';
import { BROKER_BODY_LIMITS, contestedSchema, pictureRequestSchema, type TelemetryBatch, telemetryBatchSchema } from '../wire/brokers.ts';
import { answerProblem, bearerToken, parsed, problem, unauthorized } from './problem.ts';

export interface BrokerApiDeps {
  readonly self: string;
  /** Whether this token is another broker's. */
  verifyBrokerToken(token: string): Promise<boolean>;
  /** What servers connected to that broker have reported. */
  telemetry(batch: TelemetryBatch): void;
  /** The ids of the locks that its process holds. */
  holds(): readonly string[];
  /** Of the agents connected to this broker. */
  readonly link: Pick<AgentLink, 'screenshot'> & { contested(serverId: ServerId, run: string): boolean };
  /** Told of what was thrown while a request was served. */
  failed(error: unknown, request: Request): void;
}

export function createBrokerApi({ self, verifyBrokerToken, telemetry, holds, link, failed }: BrokerApiDeps): Hono {
  const app = new Hono();
  app.use('/brokers/*', async (c, next) => {
    const token = bearerToken(c);
    return token !== undefined && (await verifyBrokerToken(token)) ? next() : unauthorized(c);
  });
  app.post('/brokers/telemetry', async (c) => {
    const body = await parsed(c, telemetryBatchSchema, BROKER_BODY_LIMITS.telemetry);
    if ('invalid' in body) return problem(c, 400, 'invalid_request', body.invalid);
    telemetry(body.value.telemetry);
    return c.json({});
  });
  app.post('/brokers/screenshots', async (c) => {
    const body = await parsed(c, pictureRequestSchema, BROKER_BODY_LIMITS.order);
    if ('invalid' in body) return problem(c, 400, 'invalid_request', body.invalid);
    return c.json(await link.screenshot(body.value.serverId, body.value.order));
  });
  // The sign of life that others go by: the process answers itself, from memory.
  app.post('/brokers/holds', (c) => c.json({ broker: self, holds: holds() }));
  app.post('/brokers/contested', async (c) => {
    const body = await parsed(c, contestedSchema, BROKER_BODY_LIMITS.question);
    if ('invalid' in body) return problem(c, 400, 'invalid_request', body.invalid);
    return c.json({ contested: link.contested(body.value.serverId, body.value.run) });
  });
  app.onError((error, c) => answerProblem(c, error, failed));
  return app;
}
