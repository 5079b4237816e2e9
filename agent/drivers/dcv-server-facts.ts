/** The version and the endpoints of the DCV server, which seldom change: asked for now and then, and as last heard while it does not answer. */
import type { Clock } from '../../domain/ports/clock.ts';
import { READ } from './dcv-limits.ts';
import { type DcvServer, describeServer, readEndpoints, readVersion } from './dcv-server.ts';
import type { DcvTool } from './dcv-tool.ts';

export interface ServerFacts {
  /** Never rejects: that the DCV server does not answer is told by whoever lists its sessions. */
  describe(): Promise<DcvServer>;
  /** Asks anew at the next opportunity. */
  expire(): void;
}

/** How long an answer is taken to be true. */
const FRESH_MS = 10 * 60_000;
/** Until what was not answered is asked again. */
const RETRY_MS = 60_000;

export function createServerFacts(tool: DcvTool, clock: Clock): ServerFacts {
  let known: DcvServer | undefined;
  let askAgainAt = 0;
  let asking: Promise<DcvServer> | undefined;

  async function answer(parameters: readonly string[]): Promise<string | undefined> {
    try {
      return (await tool.ask(parameters, READ)).toString('utf8');
    } catch {
      return undefined;
    }
  }

  async function ask(): Promise<DcvServer> {
    const [version, endpoints] = await Promise.all([answer(['version']), answer(['list-endpoints', '-j'])]);
    const heard = describeServer(
      version === undefined ? known?.version : readVersion(version),
      endpoints === undefined ? (known?.endpoints ?? []) : readEndpoints(endpoints),
    );
    if (known?.version !== heard.version) tool.forget();
    known = heard;
    askAgainAt = clock.now() + (version === undefined || endpoints === undefined ? RETRY_MS : FRESH_MS);
    return heard;
  }

  return {
    async describe() {
      if (known !== undefined && clock.now() < askAgainAt) return known;
      asking ??= ask().finally(() => {
        asking = undefined;
      });
      return asking;
    },
    expire() {
      askAgainAt = 0;
    },
  };
}
