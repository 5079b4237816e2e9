/** A process with the least that Hono can do over TLS: on the server of the broker, one route that sends the same bytes to everyone. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Hono } from 'hono';
import { serveHttps } from '../adapters/http/serve.ts';
import { job, say } from './processes.ts';

export interface BareJob {
  /** The broker's folder with key and certificate. */
  readonly tls: string;
  readonly body: string;
}

export interface BareReady {
  readonly port: number;
}

const { tls, body } = job<BareJob>();
const headers = { 'content-type': 'application/json', 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' };
const app = new Hono();
app.post('/describeSessions', () => new Response(body, { headers }));
const [key, cert] = await Promise.all(['server.key', 'server.pem'].map((name) => readFile(join(tls, name), 'utf8')));
const { port } = await serveHttps(app, { host: '127.0.0.1', port: 0, key: key ?? '', cert: cert ?? '' });
process.once('disconnect', () => process.exit());
say({ port } satisfies BareReady);
