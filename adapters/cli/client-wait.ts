/** Waiting until a session is READY, or DELETED: the broker is asked again and again, and one that is away for a while is waited for as well. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '../client/client.ts';
import { ClientFault, EXIT, type ExitCode } from '../client/client-fault.ts';
import { harmless } from '../harmless.ts';
import type { Session } from '../wire/sessions.ts';
import { createStatusLine } from './progress.ts';

interface Waited {
  readonly session: Session;
  readonly remarks: readonly string[];
  readonly exitCode: ExitCode;
}

/** The first questions come quickly, for most sessions are made within seconds. */
const FIRST_PAUSE_MS = 200;
const LONGEST_PAUSE_MS = 2000;

type Verdict = 'done' | 'otherwise' | 'wait';

/** The session as it was seen last. */
export async function waitForReady(client: Client, first: Session, timeoutSeconds: number): Promise<Waited> {
  const judge = ({ State: state }: Session): Verdict => {
    if (state === 'READY') return 'done';
    return state === 'DELETED' || state === 'DELETING' ? 'otherwise' : 'wait';
  };
  return wait(client, { first, judge, goal: 'READY', timeoutSeconds });
}

/** `state` is DELETED also where the broker does not describe it any more. */
export async function waitForDeletion(
  client: Client,
  id: string,
  timeoutSeconds: number,
): Promise<Omit<Waited, 'session'> & { readonly state: string }> {
  const judge = ({ State: state }: Session): Verdict => (state === 'DELETED' ? 'done' : 'wait');
  const { session, ...rest } = await wait(client, { first: { Id: id, State: 'DELETING' }, judge, goal: 'DELETED', timeoutSeconds });
  return { ...rest, state: String(session.State) };
}

interface Wish {
  readonly first: Session;
  judge(session: Session): Verdict;
  readonly goal: string;
  readonly timeoutSeconds: number;
}

async function wait(client: Client, { first, judge, goal, timeoutSeconds }: Wish): Promise<Waited> {
  const id = String(first.Id);
  const startedAt = performance.now();
  const line = createStatusLine();
  let session = first;
  let trouble = '';
  try {
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 1.5, LONGEST_PAUSE_MS)) {
      const seconds = Math.round((performance.now() - startedAt) / 1000);
      line.say(harmless(`Waiting for session ${id} to be ${goal}: ${trouble || standing(session)}, ${seconds} s`));
      await sleep(Math.min(pauseMs, Math.max(0, startedAt + timeoutSeconds * 1000 - performance.now())));
      const seen = await look(client, id);
      trouble = 'trouble' in seen ? seen.trouble : '';
      if ('session' in seen) session = seen.session;
      const verdict = judge(session);
      if (verdict === 'done') return { session, remarks: [], exitCode: EXIT.done };
      if (verdict === 'otherwise') return { session, remarks: [ended(session, goal)], exitCode: EXIT.endedOtherwise };
      if (performance.now() - startedAt >= timeoutSeconds * 1000) {
        return { session, remarks: [late(session, goal, timeoutSeconds)], exitCode: EXIT.waitedInVain };
      }
    }
  } finally {
    line.end();
  }
}

/** What is not described was deleted a while ago. */
async function look(client: Client, id: string): Promise<{ readonly session: Session } | { readonly trouble: string }> {
  try {
    const { Sessions: sessions } = await client.call('describeSessions', { SessionIds: [id] });
    return { session: sessions?.[0] ?? { Id: id, State: 'DELETED' } };
  } catch (error) {
    if (error instanceof ClientFault && error.passes) return { trouble: error.message };
    throw error;
  }
}

const standing = ({ State: state, Substate: substate }: Session): string => (substate ? `${state} (${substate})` : String(state));

function ended(session: Session, goal: string): string {
  const why = session.StateReason ? `: ${session.StateReason}` : '.';
  return harmless(`The session ${session.Id} did not become ${goal}; it is ${standing(session)}${why}`);
}

const late = (session: Session, goal: string, seconds: number): string =>
  harmless(`The session ${session.Id} is not ${goal} after ${seconds} s; it is ${standing(session)}. It goes on without being waited for.`);
