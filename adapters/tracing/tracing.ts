/** Opens what traces are sent by, where an operator wants them. */
import type { Logger } from '../logging.ts';
import { createTraceContexts } from './contexts.ts';
import type { Tracing } from './trace.ts';

/** Undefined, and nothing is loaded, where there is no endpoint. */
export async function openTracing(endpoint: string | undefined, instance: string, logger: Logger): Promise<Tracing | undefined> {
  if (endpoint === undefined) return undefined;
  const { createSender } = await import('./otlp.ts');
  const shown = endpoint.replace(/\/\/[^/]*@/, '//***@');
  const sender = createSender({
    endpoint,
    instance,
    failed: (reason) =>
      logger.warn({ endpoint: shown, reason }, 'Traces cannot be sent at the moment; those are dropped that cannot wait.'),
    recovered: () => logger.info({ endpoint: shown }, 'Traces are sent again.'),
  });
  logger.info({ endpoint: shown }, 'Requests are traced.');
  return { contexts: createTraceContexts(), record: sender.send, stop: sender.stop };
}
