/** One session looking for a server: candidates are asked in order, and the first that gives a slot has the session. */
import { type Candidates, candidates } from '../placement/candidates.ts';
import type { Fleet } from '../placement/fleet.ts';
import { noServerReason } from '../placement/no-server.ts';
import type { PolicyName } from '../placement/policies.ts';
import type { Random } from '../ports/clock.ts';
import type { Servers } from '../server/actor.ts';
import type { Sessions } from '../session/actor.ts';
import type { PlacementChoice } from '../session/events.ts';
import { type Asked, type Job, wishOf } from './job.ts';
import { giveBack } from './releasing.ts';

export interface SeekingPorts {
  readonly sessions: Sessions;
  readonly servers: Servers;
  readonly fleet: Fleet;
  readonly random: Random;
}

/** `gone`: it is not wanted any more. `none`: nobody can take it, with a sentence for the API's user. */
export type Found = { readonly outcome: 'placed' | 'gone' } | { readonly outcome: 'none'; readonly reason: string };

/** Looks at the fleet anew when every candidate turned out to be taken. */
const ROUNDS = 3;

/** Up to its first question to a server it runs at once, so that sessions that begin to seek in order see each other's choices. */
export async function seek(ports: SeekingPorts, policy: PolicyName, job: Job): Promise<Found> {
  if (job.asked !== undefined && (await reserve(ports, job, job.asked))) return settle(ports, job, job.asked);
  let found: Candidates;
  let rounds = 0;
  do {
    found = candidates(ports.fleet, wishOf(job), ports.random, policy);
    const choice = choiceOf(found, job);
    for (const serverId of found.ordered) {
      const asked = { serverId, choice };
      if (await reserve(ports, job, asked)) return settle(ports, job, asked);
    }
    rounds += 1;
  } while (found.ordered.length > 0 && rounds < ROUNDS);
  return { outcome: 'none', reason: noServerReason(found) };
}

function choiceOf({ policy, ordered, considered, turnedDown }: Candidates, { tried }: Job): PlacementChoice {
  return { policy, candidates: ordered, considered, turnedDown, failed: tried };
}

async function reserve({ fleet, servers }: SeekingPorts, job: Job, asked: Asked): Promise<boolean> {
  const { sessionId, attempt, origin } = job;
  const { sessionType, owner } = job.wish;
  const { serverId } = asked;
  job.asked = asked;
  fleet.noteReservation(serverId, sessionId, { sessionType, owner });
  const outcome = await servers.execute(serverId, { type: 'reserve', sessionId, sessionType, owner, attempt }, origin);
  if (!('rejected' in outcome)) return true;
  fleet.withdraw(serverId, sessionId);
  job.asked = undefined;
  return false;
}

/**
 * The slot is held. A session that was deleted meanwhile gives it back. So does one that another leader places anew, once it has come to its
 * server: until then nobody can tell whose slot this is, since both may have chosen the same server. See `strays.ts`.
 */
async function settle(ports: SeekingPorts, job: Job, { serverId, choice }: Asked): Promise<Found> {
  const { sessionId, attempt, round, origin } = job;
  const { sessions } = ports;
  const outcome = await sessions.execute(sessionId, { type: 'place', serverId, attempt, round, choice }, origin);
  if (!('rejected' in outcome)) return { outcome: 'placed' };
  const { value, context } = await sessions.look(sessionId);
  const isPlacedAnew = value === 'placing' && context.round > round;
  if (!isPlacedAnew) await giveBack(ports, serverId, sessionId, origin);
  return { outcome: 'gone' };
}
