/** `berth agent check`: whether this host has what the agent needs, line by line, with what to do about the rest. */
import { userInfo } from 'node:os';
import type { Mark } from '../../agent/check/finding.ts';
import { checkHost } from '../../agent/check/host.ts';
import { WORLD_LIMITS, type World } from '../../agent/check/world.ts';
import { addressesOf } from '../../agent/main.ts';
import { configFileOn, dcvConfOn } from '../../agent/places.ts';
import { systemClock, systemRandom } from '../system.ts';
import { lineOf, summaryOf } from './finding-lines.ts';
import type { AgentCheckFlags } from './flags.ts';
import { createRecords } from './records.ts';

/** Resolves with 0 when nothing is wrong, and with 1 when something is. */
export async function runAgentCheck(flags: AgentCheckFlags): Promise<number> {
  const records = createRecords(flags);
  const isColoured = !records.json && process.stdout.isTTY === true && !process.env['NO_COLOR'];
  const counts: Record<Mark, number> = { ok: 0, warn: 0, fail: 0 };
  for await (const finding of checkHost(flags.config ?? configFileOn(process.platform), worldOf(flags))) {
    counts[finding.mark] += 1;
    await records.write(finding, () => lineOf(finding, isColoured));
  }
  await records.say(summaryOf(counts));
  return counts.fail === 0 ? 0 : 1;
}

function worldOf({ dcvConf, enrol = false }: AgentCheckFlags): World {
  const { username: name, uid } = userInfo();
  return {
    clock: systemClock,
    random: systemRandom,
    platform: process.platform,
    environment: process.env,
    user: { name, isRoot: uid === 0 },
    dcvConf: dcvConf ?? dcvConfOn(process.platform),
    mayEnrol: enrol,
    resolve: addressesOf,
    limits: WORLD_LIMITS,
  };
}
