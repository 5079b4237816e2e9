/** What the checks look at besides the configuration. */
import type { Clock, Random } from '../../domain/ports/clock.ts';
import type { Resolve } from '../brokers.ts';
import type { Environment } from '../environment.ts';

export interface World {
  readonly clock: Clock;
  readonly random: Random;
  readonly platform: NodeJS.Platform;
  /** Variables that win over the configuration file. */
  readonly environment: Environment;
  /** Who runs the checks, which should be who runs the agent. */
  readonly user: { readonly name: string; readonly isRoot: boolean };
  /** Of the DCV server; undefined where its settings are not in a file. */
  readonly dcvConf: string | undefined;
  /** Whether the agent may be enrolled for the sake of the check. */
  readonly mayEnrol: boolean;
  readonly resolve: Resolve;
  readonly limits: WorldLimits;
}

export interface WorldLimits {
  /** For a broker: each of connection, handshake and answer. */
  readonly networkMs: number;
  /** For one run of `dcv`. */
  readonly programMs: number;
}

export const WORLD_LIMITS: WorldLimits = { networkMs: 5_000, programMs: 10_000 };
