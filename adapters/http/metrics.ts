/** `GET /metrics` for Prometheus: for programs on this machine and clients with a token that are not of one owner, unless the operator opens it to everybody. */
import { SCOPES } from '../../domain/access/reach.ts';
import type { BearerCheck } from './bearer.ts';
import { demandScope } from './demands.ts';

export interface MetricsPage {
  scrape(): Promise<string>;
  /** Whether whoever reaches the port may ask. */
  readonly isOpen: boolean;
  /** Throws 401 or 403. */
  readonly authorize: BearerCheck;
}

/** They are about the fleet as a whole, and say nothing of anybody's sessions. */
const ANY = { scopes: SCOPES, ofOwners: false };
const HEADERS = { 'content-type': 'text/plain; version=0.0.4; charset=utf-8', 'cache-control': 'no-store' };
const LOOPBACK = /^(?:::1|(?:::ffff:)?127\.\d+\.\d+\.\d+)$/;

export async function answerMetrics(page: MetricsPage, request: Request, remoteAddress: string | undefined): Promise<Response> {
  if (!page.isOpen && !isLocal(request, remoteAddress)) demandScope(await page.authorize(request.headers.get('authorization')), ANY);
  return new Response(await page.scrape(), { headers: HEADERS });
}

/** What a proxy on this machine passes on is not from here. */
function isLocal({ headers }: Request, remoteAddress: string | undefined): boolean {
  return !headers.has('x-forwarded-for') && !headers.has('forwarded') && LOOPBACK.test(remoteAddress ?? '');
}
