/** How much a caller of the API may send. */

export interface ApiLimits {
  /** Of a request body. */
  readonly bodyBytes: number;
  /** Items of a batch, ids of a describe call. */
  readonly batchItems: number;
  /** `autorun-file-arguments-max-size` of the original. */
  readonly autorunArguments: number;
  /** `autorun-file-arguments-max-argument-length` of the original. */
  readonly autorunArgumentLength: number;
}

export const DEFAULT_LIMITS: ApiLimits = {
  bodyBytes: 1024 * 1024,
  batchItems: 1000,
  autorunArguments: 50,
  autorunArgumentLength: 150,
};

/** Longest texts, in UTF-16 code units as the original's Java counts them. The id of a session is bounded by what verifiers of tokens take. */
export const MAX_LENGTH = {
  name: 256,
  user: 256,
  sessionId: 100,
  serverId: 1024,
  path: 4096,
  requirements: 8192,
  permissionsFile: 262_144,
} as const;
