/** A span for each request. Of some the trace is remembered, for what follows from them. */

import type { RequestNotes } from '../http/request-notes.ts';
import type { Answered } from '../http/request-watch.ts';
import { type Tracing, traceOf } from './trace.ts';

/** Begins a span; the function that it gives ends it. */
export type TraceRequest = (request: Request, notes: RequestNotes) => ((answered: Answered) => void) | undefined;

/** `leading`: the operations from which something follows. The others would push those out of what can be remembered. */
export function createRequestSpans({ contexts, record }: Tracing, now: () => number, leading: ReadonlySet<string>): TraceRequest {
  return ({ headers, method }, notes) => {
    const { requestId } = notes;
    const trace = traceOf(headers.get('traceparent'), requestId);
    if (trace === undefined) return undefined;
    notes.begun = (operation) => {
      if (leading.has(operation)) contexts.learn(requestId, trace.context);
    };
    return ({ operation, status, ms, client, address }) => {
      const to = now();
      record({
        ...trace,
        name: operation,
        kind: 'server',
        from: to - ms,
        to,
        attributes: {
          'http.request.method': method,
          'http.response.status_code': status,
          'client.address': address,
          'berth.request_id': requestId,
          'berth.client_id': client,
        },
        failure: status >= 500 ? `Answered with ${status}.` : undefined,
      });
    };
  };
}
