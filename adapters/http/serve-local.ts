/** Serves an application to the user who runs this broker, and to nobody else: over a socket that only that user can open. */
import { createServer } from 'node:http';
import { getRequestListener } from '@hono/node-server';
import type { Hono } from 'hono';
import { prepareAddress, removeAddress } from '../local-channel.ts';

export interface LocalServing {
  readonly address: string;
  close(): Promise<void>;
}

const MAX_CONNECTIONS = 100;
const TIMEOUT_MS = 10_000;

/** Whoever calls it has claimed the data folder. */
export async function serveLocally(app: Pick<Hono, 'fetch'>, dataDir: string): Promise<LocalServing> {
  const address = await prepareAddress(dataDir);
  const server = createServer({ headersTimeout: TIMEOUT_MS, requestTimeout: TIMEOUT_MS }, getRequestListener(app.fetch));
  server.maxConnections = MAX_CONNECTIONS;
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) =>
      reject(new Error(`The socket ${address} for administration cannot be made: ${cause.message}`, { cause })),
    );
    // The socket comes into being within this call, so there is no moment at which its mode is another.
    const before = process.umask(0o177);
    server.listen(address, resolve);
    process.umask(before);
  });
  return {
    address,
    async close() {
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      });
      await removeAddress(dataDir);
    },
  };
}
