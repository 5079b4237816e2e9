/** The token endpoint: `POST /oauth2/token`, the client credentials grant of RFC 6749, section 4.4. */
import type { Reach } from '../../domain/access/reach.ts';
import type { Random } from '../../domain/ports/clock.ts';
import type { Attempts } from '../audit/attempts.ts';
import type { ApiAudience, TokenIssuer } from '../tokens.ts';
import { readText } from './body.ts';
import { grantedScopes } from './grants.ts';
import type { GuessGuard } from './protection.ts';
import { createRefusals, strangerAt } from './refusals.ts';
import { HttpProblem, reply } from './reply.ts';
import { notesOf } from './request-notes.ts';

export interface OAuthDeps {
  /** Whether this client is registered with this password. Slow on purpose; throws PasswordsBusyError. */
  readonly authenticate: (clientId: string, password: string) => Promise<boolean>;
  /** What the client may do that has authenticated itself; absent: there are no scopes, and none are looked at. */
  readonly reachOf?: (clientId: string) => Promise<Reach | undefined>;
  readonly tokens: TokenIssuer;
  /** Which API the tokens are for. Default `api`. */
  readonly audience?: ApiAudience;
  /** Milliseconds since 1970 (UTC). */
  readonly now: () => number;
  /** Where requests that are turned down are kept. */
  readonly attempts: Attempts;
  readonly random: Random;
  /** Absent: passwords may be tried as often as anybody likes. */
  readonly guard?: GuessGuard;
}

/** Answers a request for a token. Throws an HttpProblem for a body beyond all measure. */
export type TokenEndpoint = (request: Request, remoteAddress: string | undefined) => Promise<Response>;

const GRANT = 'client_credentials';
const LIFETIME_SECONDS = 3600;
/** Credentials and a grant type are a few hundred bytes. */
const MAX_BODY_BYTES = 16_384;
const MAX_CREDENTIAL_LENGTH = 1024;

interface Credentials {
  readonly id: string;
  readonly password: string;
}

export function createTokenEndpoint(deps: OAuthDeps): TokenEndpoint {
  const { authenticate, tokens, now, attempts, random, reachOf, guard = unguarded, audience = 'api' } = deps;
  return async (request, remoteAddress) => {
    const notes = notesOf(request, random);
    const refusals = createRefusals(attempts, { operation: '/oauth2/token', remoteAddress });
    const origin = strangerAt(audience === 'agent' ? 'agent-api' : 'client-api', notes.requestId);
    try {
      const form = new URLSearchParams(await readText(request, MAX_BODY_BYTES));
      const query = new URL(request.url).searchParams;
      const guess = (id: string) => guard(id, remoteAddress, request.headers.get('x-forwarded-for'));
      const clientId = await authenticated({ form, query, authorization: request.headers.get('authorization') }, authenticate, guess);
      notes.client = clientId;
      const scopes = await granted(form, query, clientId, reachOf);
      const token = await tokens.issueAccessToken({ clientId, audience, lifetimeSeconds: LIFETIME_SECONDS, scopes }, now());
      const scope = scopes && { scope: scopes.join(' ') };
      return reply(200, { access_token: token, token_type: 'Bearer', expires_in: LIFETIME_SECONDS, ...scope });
    } catch (error) {
      refusals.request(error, origin);
      if (error instanceof GrantProblem) return refuse(error);
      throw error;
    }
  };
}

interface Asked {
  readonly form: URLSearchParams;
  readonly query: URLSearchParams;
  readonly authorization: string | null;
}

/** The client that the request is of. Throws GrantProblem where it is of none. */
async function authenticated(
  { form, query, authorization }: Asked,
  authenticate: OAuthDeps['authenticate'],
  guess: (clientId: string) => ReturnType<GuessGuard>,
): Promise<string> {
  const grants = new Set([...query.getAll('grant_type'), ...form.getAll('grant_type')]);
  if (grants.size !== 1) throw new GrantProblem('invalid_request', 'grant_type must be given once');
  if (!grants.has(GRANT)) throw new GrantProblem('unsupported_grant_type', `Only ${GRANT} is supported`);
  if (namesTwoClients(authorization, form)) throw new GrantProblem('invalid_request', 'Client credentials must be given in one way only');
  const client = authorization === null ? readForm(form) : readBasic(authorization);
  if (client !== undefined && (await isRight(client, authenticate, guess(client.id)))) return client.id;
  throw new GrantProblem('invalid_client', NO_CLIENT, client?.id);
}

const NO_CLIENT = 'The client is unknown or its password is wrong';

/** The scopes of the token; null: it has no need of any. Throws GrantProblem for more than the client has. */
async function granted(form: URLSearchParams, query: URLSearchParams, clientId: string, reachOf: OAuthDeps['reachOf']) {
  if (reachOf === undefined) return null;
  const reach = await reachOf(clientId);
  if (reach === undefined) throw new GrantProblem('invalid_client', NO_CLIENT, clientId);
  const outcome = grantedScopes(form, query, reach);
  if ('refused' in outcome) throw new GrantProblem(outcome.refused, outcome.message, clientId);
  return outcome.scopes;
}

/** Only a wrong password counts as a guess; one that could not be checked does not. */
async function isRight(
  { id, password }: Credentials,
  authenticate: OAuthDeps['authenticate'],
  guess: ReturnType<GuessGuard>,
): Promise<boolean> {
  let isWrong = false;
  try {
    isWrong = !(await authenticate(id, password));
    return !isWrong;
  } finally {
    if (!isWrong) guess.harmless();
  }
}

const unguarded: GuessGuard = () => ({ harmless: () => undefined });

/** The names are those of RFC 6749, section 5.2. */
type GrantError = 'invalid_request' | 'unsupported_grant_type' | 'invalid_client' | 'invalid_scope';

class GrantProblem extends HttpProblem {
  readonly error: string;

  constructor(error: GrantError, message: string, claimedClient?: string) {
    const [status, headers] =
      error === 'invalid_client' ? ([401, { 'www-authenticate': 'Basic realm="berth"' }] as const) : ([400, {}] as const);
    super(status, message, headers, { code: error.toUpperCase(), claimedClient });
    this.error = error;
  }
}

const refuse = ({ status, error, message, headers }: GrantProblem): Response =>
  reply(status, { error, error_description: message }, headers);

/** A header and a secret in the form are two ways at once (RFC 6749, section 2.3); an id beside the header only says the same again. */
const namesTwoClients = (authorization: string | null, form: URLSearchParams) =>
  form.getAll('client_id').length > 1 ||
  form.getAll('client_secret').length > (authorization === null ? 1 : 0) ||
  (authorization !== null && form.has('client_id') && form.get('client_id') !== readBasic(authorization)?.id);

const readForm = (form: URLSearchParams): Credentials | undefined =>
  usable({ id: form.get('client_id') ?? '', password: form.get('client_secret') ?? '' });

/**
 * Taken as it is and not percent-decoded as section 2.3.1 has it: clients of the original do not encode, and their passwords hold `+`
 * and `=`. Ids and passwords that we make are the same in both forms but for these.
 */
function readBasic(authorization: string): Credentials | undefined {
  const [, encoded = ''] = /^basic +([\w+/=-]+) *$/i.exec(authorization) ?? [];
  const [id = '', ...rest] = Buffer.from(encoded, 'base64').toString('utf8').split(':');
  return usable({ id, password: rest.join(':') });
}

const usable = (client: Credentials): Credentials | undefined =>
  [client.id, client.password].every((text) => text !== '' && text.length <= MAX_CREDENTIAL_LENGTH) ? client : undefined;
