/** Signing keys for tests that need no log. */
import { createPublicKey, generateKeyPairSync, randomUUID } from 'node:crypto';
import type { SigningKeys } from '../../adapters/secrets/signing-keys.ts';

export function newSigningKeys(): SigningKeys {
  const kid = randomUUID();
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const publicKey = createPublicKey(privateKey);
  return { current: { kid, privateKey }, find: async (name) => (name === kid ? publicKey : undefined) };
}
