/**
 * What agent and broker say to each other, as it stands on the wire. Both sides check what they are told: an agent is authenticated,
 * which does not make it right, and a newer broker may know orders that this agent does not.
 */
import { z } from 'zod';
import type { FoundSession, Greeting, Order, Report, Screenshot, Welcome } from '../../domain/ports/agent-link.ts';
import {
  attempt,
  base64File,
  count,
  orderIdText,
  sentence,
  serverDescription,
  serverIdText,
  sessionIdText,
  sessionSpec,
  shortText,
  telemetry,
  time,
} from './agent-parts.ts';

/** Reports in one post. */
export const MAX_REPORTS = 500;
/** Bytes of a request's body, by what it carries. */
export const BODY_LIMITS = {
  registration: 64 * 1024,
  greeting: 8 * 1024 * 1024,
  reports: 1024 * 1024,
  screenshots: 16 * 1024 * 1024,
} as const;

/** Dynamic client registration, RFC 7591: what this broker reads of it. Other members are ignored, as the RFC wants. */
export const registrationSchema = z.object({
  client_name: z.string().min(1).max(256),
  software_statement: z.string().min(1).max(16_384),
  grant_types: z.array(z.string().max(64)).max(16).optional(),
});

export const registeredSchema = z.object({ client_id: z.string().min(1), client_secret: z.string().min(1) });

export const tokenSchema = z.object({ access_token: z.string().min(1), expires_in: z.number().positive() });

const foundSession: z.ZodType<FoundSession> = z.strictObject({
  sessionId: sessionIdText,
  localId: sessionIdText,
  attempt,
  spec: sessionSpec,
  creationTime: time,
  connections: count,
  lastDisconnectionTime: time.optional(),
});

export const greetingSchema: z.ZodType<Greeting> = z.strictObject({
  serverId: serverIdText,
  run: z.string().min(1).max(100).optional(),
  description: serverDescription,
  telemetry,
  healthy: z.boolean(),
  healthReason: sentence.optional(),
  loggedInUsers: z.array(shortText).max(1000),
  sessions: z.array(foundSession).max(10_000),
  inProgress: z.array(sessionIdText).max(10_000),
});

export const welcomeSchema: z.ZodType<Welcome> = z.strictObject({
  connectionId: z.string().min(1).max(100),
  heartbeatMs: z.int().min(1),
  silenceMs: z.int().min(1),
});

const reported = { reportId: z.uuid(), time };

export const reportSchema: z.ZodType<Report> = z.discriminatedUnion('kind', [
  z.strictObject({ ...reported, kind: z.literal('session-started'), sessionId: sessionIdText, attempt }),
  z.strictObject({ ...reported, kind: z.literal('session-failed'), sessionId: sessionIdText, attempt, reason: sentence }),
  z.strictObject({
    ...reported,
    kind: z.literal('session-ended'),
    sessionId: sessionIdText,
    reason: sentence,
    creationTime: time.optional(),
  }),
  z.strictObject({
    ...reported,
    kind: z.literal('connections-changed'),
    sessionId: sessionIdText,
    count,
    lastDisconnectionTime: time.optional(),
  }),
  z.strictObject({ ...reported, kind: z.literal('session-found'), session: foundSession }),
  z.strictObject({ ...reported, kind: z.literal('server-described'), description: serverDescription }),
  z.strictObject({ ...reported, kind: z.literal('health-changed'), healthy: z.boolean(), reason: sentence.optional() }),
  z.strictObject({ ...reported, kind: z.literal('logged-in-users-changed'), users: z.array(shortText).max(1000) }),
]);

const connectionId = z.string().min(1).max(100);

/** An empty one is the agent's heartbeat. */
export const reportsSchema = z.strictObject({
  connectionId,
  reports: z.array(reportSchema).max(MAX_REPORTS),
  telemetry: telemetry.optional(),
});

export const acknowledgedSchema = z.strictObject({ acknowledged: z.array(z.string()).max(MAX_REPORTS) });

export const screenshot: z.ZodType<Screenshot> = z.strictObject({
  format: z.enum(['png', 'jpeg']),
  data: z.base64(),
  time,
  primary: z.boolean(),
});

/** The pictures that were asked for, or why there are none. */
export const screenshotsSchema = z.union([
  z.strictObject({ connectionId, orderId: orderIdText, images: z.array(screenshot).min(1).max(16) }),
  z.strictObject({ connectionId, orderId: orderIdText, reason: sentence }),
]);

const ordered = { orderId: orderIdText, sessionId: sessionIdText };
const pixels = z.int().min(1).max(16_384);

export const takeScreenshot = z.strictObject({
  ...ordered,
  kind: z.literal('take-screenshot'),
  localId: sessionIdText,
  maxWidth: pixels,
  maxHeight: pixels,
  format: z.enum(['png', 'jpeg']),
});

export const orderSchema: z.ZodType<Order> = z.discriminatedUnion('kind', [
  z.strictObject({ ...ordered, kind: z.literal('create-session'), attempt, spec: sessionSpec }),
  z.strictObject({ ...ordered, kind: z.literal('close-session'), localId: sessionIdText }),
  z.strictObject({ ...ordered, kind: z.literal('set-permissions'), localId: sessionIdText, permissionsFile: base64File }),
  takeScreenshot,
]);
