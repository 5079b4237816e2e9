/**
 * What brokers on one log say to each other, as it stands on the wire: only what is not in the log. Members that are not known are passed over, so
 * that brokers of two versions understand each other while a cluster is updated.
 */
import { z } from 'zod';
import type { Screenshot } from '../../domain/ports/agent-link.ts';
import { screenshot, takeScreenshot } from './agent.ts';
import { sentence, serverIdText, telemetry } from './agent-parts.ts';

/** Servers in one post. */
export const MAX_TELEMETRY = 1000;
/** Bytes of a body, by what it carries. Pictures come in the answer. */
export const BROKER_BODY_LIMITS = { question: 4 * 1024, telemetry: 1024 * 1024, order: 16 * 1024, pictures: 16 * 1024 * 1024 } as const;

/** What servers have reported since the last one. */
export const telemetryBatchSchema = z.object({
  telemetry: z.array(z.object({ serverId: serverIdText, telemetry })).max(MAX_TELEMETRY),
});

export type TelemetryBatch = z.infer<typeof telemetryBatchSchema>['telemetry'];

export const pictureRequestSchema = z.object({ serverId: serverIdText, order: takeScreenshot });

/** Whether another process of an agent than this one is connected as a server. */
export const contestedSchema = z.object({ serverId: serverIdText, run: z.string().min(1).max(100) });
export const contestSchema = z.object({ contested: z.boolean() });

/** The pictures, or a sentence for the API's user. */
export type Pictures = readonly Screenshot[] | { readonly rejected: string };

export const picturesSchema: z.ZodType<Pictures> = z.union([z.array(screenshot).min(1).max(16), z.object({ rejected: sentence })]);

/** Who answers, and the ids of what its process holds in the log's locks. A broker holds three, and those of brokers that it looks after for a moment. */
export const holdsSchema = z.object({ broker: z.string(), holds: z.array(z.string().max(100)).max(10_000) });
