/**
 * The signature of checkpoints: Ed25519, as JWS. The key is made from the cluster key, so all brokers on a log sign with the same one, and an auditor keeps
 * one public key. It goes by its thumbprint (RFC 7638): whoever has written that down knows the key again.
 */
import { createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto';
import { z } from 'zod';
import { sha256 } from './links.ts';

/** As in RFC 8037. */
export interface PublicJwk {
  readonly kty: 'OKP';
  readonly crv: 'Ed25519';
  readonly x: string;
}

export interface CheckpointKey {
  readonly keyId: string;
  readonly publicJwk: PublicJwk;
  /** A JWS without its payload: `header..signature`. */
  sign(payload: string): string;
}

/** What stands before the 32 bytes of an Ed25519 key in PKCS #8 (RFC 8410). */
const PKCS8 = Buffer.from('302e020100300506032b657004220420', 'hex');

/** `seed`: 32 secret bytes. */
export function checkpointKey(seed: Buffer): CheckpointKey {
  const privateKey = createPrivateKey({ key: Buffer.concat([PKCS8, seed]), format: 'der', type: 'pkcs8' });
  const publicJwk = exportKey(createPublicKey(privateKey));
  const keyId = thumbprint(publicJwk);
  const header = base64url(JSON.stringify({ alg: 'EdDSA', kid: keyId, jwk: publicJwk, typ: 'berth-checkpoint' }));
  return {
    keyId,
    publicJwk,
    sign: (payload) => `${header}..${sign(null, Buffer.from(`${header}.${base64url(payload)}`), privateKey).toString('base64url')}`,
  };
}

export const importKey = (jwk: PublicJwk): KeyObject => createPublicKey({ key: { ...jwk }, format: 'jwk' });

/** Of an Ed25519 key. */
function exportKey(key: KeyObject): PublicJwk {
  const { x = '' } = key.export({ format: 'jwk' });
  return { kty: 'OKP', crv: 'Ed25519', x };
}

export const thumbprint = ({ kty, crv, x }: PublicJwk): string => sha256(JSON.stringify({ crv, kty, x }));

/** The JWS with its payload. */
export const sealedPayload = (jws: string, payload: string): string => jws.replace('..', `.${base64url(payload)}.`);

/** `unknown`: made by a key that is not among those asked about, though it is the signature of some key. */
export interface Verdict {
  readonly verdict: 'good' | 'unknown' | 'bad';
  /** Empty where there is none. */
  readonly keyId: string;
}

/** `known`: public keys by their thumbprints. */
export function judgeSignature(jws: string, payload: string, known: ReadonlyMap<string, KeyObject>): Verdict {
  const [header = '', , signature = ''] = jws.split('.');
  const signer = readSigner(header);
  if (signer === undefined) return { verdict: 'bad', keyId: '' };
  const { keyId, key } = signer;
  const isSigned = verify(null, Buffer.from(`${header}.${base64url(payload)}`), key, Buffer.from(signature, 'base64url'));
  if (!isSigned) return { verdict: 'bad', keyId };
  return { verdict: known.has(keyId) ? 'good' : 'unknown', keyId };
}

export const publicJwk = z.object({ kty: z.literal('OKP'), crv: z.literal('Ed25519'), x: z.string().length(43) });
const headerShape = z.object({ alg: z.literal('EdDSA'), jwk: publicJwk });

/** The key stands in the header itself; it is known by its thumbprint, which nobody can give to another key. */
function readSigner(header: string): { readonly keyId: string; readonly key: KeyObject } | undefined {
  try {
    const { jwk } = headerShape.parse(JSON.parse(Buffer.from(header, 'base64url').toString()));
    return { keyId: thumbprint(jwk), key: importKey(jwk) };
  } catch {
    return undefined;
  }
}

const base64url = (text: string): string => Buffer.from(text).toString('base64url');
