/** The token endpoint: `POST /oauth2/token`, the client credentials grant of RFC 6749, section 4.4. */
import type { ApiAudience, TokenIssuer } from '../tokens.ts';
import { readText } from './body.ts';
import { reply } from './reply.ts';

export interface OAuthDeps {
  /** Whether this client is registered with this password. Slow on purpose; throws PasswordsBusyError. */
  readonly authenticate: (clientId: string, password: string) => Promise<boolean>;
  readonly tokens: TokenIssuer;
  /** Which API the tokens are for. Default `api`. */
  readonly audience?: ApiAudience;
  /** Milliseconds since 1970 (UTC). */
  readonly now: () => number;
}

/** Answers a request for a token. Throws an HttpProblem for a body beyond all measure. */
export type TokenEndpoint = (request: Request) => Promise<Response>;

const GRANT = 'client_credentials';
const LIFETIME_SECONDS = 3600;
/** Credentials and a grant type are a few hundred bytes. */
const MAX_BODY_BYTES = 16_384;
const MAX_CREDENTIAL_LENGTH = 1024;

interface Credentials {
  readonly id: string;
  readonly password: string;
}

export function createTokenEndpoint({ authenticate, tokens, now, audience = 'api' }: OAuthDeps): TokenEndpoint {
  return async (request) => {
    const form = new URLSearchParams(await readText(request, MAX_BODY_BYTES));
    const grants = new Set([...new URL(request.url).searchParams.getAll('grant_type'), ...form.getAll('grant_type')]);
    if (grants.size !== 1) return refuse('invalid_request', 'grant_type must be given once');
    if (!grants.has(GRANT)) return refuse('unsupported_grant_type', `Only ${GRANT} is supported`);
    const authorization = request.headers.get('authorization');
    if (namesTwoClients(authorization, form)) return refuse('invalid_request', 'Client credentials must be given in one way only');
    const client = authorization === null ? readForm(form) : readBasic(authorization);
    if (client === undefined || !(await authenticate(client.id, client.password))) {
      return refuse('invalid_client', 'The client is unknown or its password is wrong');
    }
    const wish = { clientId: client.id, audience, lifetimeSeconds: LIFETIME_SECONDS };
    const token = await tokens.issueAccessToken(wish, now());
    return reply(200, { access_token: token, token_type: 'Bearer', expires_in: LIFETIME_SECONDS });
  };
}

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

/** The names are those of RFC 6749, section 5.2. */
function refuse(error: 'invalid_request' | 'unsupported_grant_type' | 'invalid_client', description: string): Response {
  const body = { error, error_description: description };
  return error === 'invalid_client' ? reply(401, body, { 'www-authenticate': 'Basic realm="berth"' }) : reply(400, body);
}
