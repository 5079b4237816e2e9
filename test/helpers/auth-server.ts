/** An authorization server elsewhere: publishes its keys over HTTP on this machine, and signs what a test asks for. */
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type CryptoKey, exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose';
import type { Test } from 'tap';

export interface TestKey {
  readonly kid: string;
  readonly alg: string;
  readonly privateKey: CryptoKey;
  readonly jwk: JWK;
}

export async function newKey(kid: string, alg = 'ES256'): Promise<TestKey> {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
  return { kid, alg, privateKey, jwk: { ...(await exportJWK(publicKey)), kid, alg } };
}

export interface TestAuthServer {
  readonly url: string;
  readonly issuer: string;
  /** Times that somebody came for the keys. */
  requests(): number;
  publish(...keys: readonly JWK[]): void;
  /** Answers so from now on; undefined: with its keys. */
  behave(answer: RequestListener | undefined): void;
  /** A token of a client `portal`, good for an hour, unless `claims` say otherwise. */
  sign(key: TestKey, claims?: Readonly<Record<string, unknown>>, header?: object): Promise<string>;
}

export async function startAuthServer(t: Test): Promise<TestAuthServer> {
  let keys: readonly JWK[] = [];
  let behaviour: RequestListener | undefined;
  let requests = 0;
  const server = createServer((request, response) => {
    requests += 1;
    if (behaviour !== undefined) return void behaviour(request, response);
    response.setHeader('content-type', 'application/json').end(JSON.stringify({ keys }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}/pool`;
  return {
    issuer,
    url: `${issuer}/.well-known/jwks.json`,
    requests: () => requests,
    publish: (...published) => {
      keys = published;
    },
    behave: (answer) => {
      behaviour = answer;
    },
    sign: ({ kid, alg, privateKey }, claims = {}, header = {}) =>
      new SignJWT({ iss: issuer, client_id: 'portal', exp: Math.floor(Date.now() / 1000) + 3600, ...claims })
        .setProtectedHeader({ alg, kid, ...header })
        .sign(privateKey),
  };
}
