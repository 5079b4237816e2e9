/**
 * The keys that all brokers on a log share, in the streams `signing-keys` and `certificate-authority`. The newest fact of each counts for what is
 * signed from then on; what was signed with older ones stays good. Stored for ever; private keys are sealed, so whoever reads the log cannot use them.
 */

export type KeyEvent =
  /** Tokens are signed with it. `sealedPrivateKey`: PKCS #8 in PEM, as a JWE under the cluster key. `publicJwk` is for people and tools only. */
  | {
      readonly type: 'signing-key.created';
      readonly data: {
        readonly kid: string;
        readonly alg: 'RS256';
        readonly publicJwk: { readonly kty: string; readonly n: string; readonly e: string };
        readonly sealedPrivateKey: string;
      };
    }
  /** It signs the certificates of the brokers' doors. `certificate`: PEM. */
  | { readonly type: 'authority.created'; readonly data: { readonly certificate: string; readonly sealedPrivateKey: string } };
