/**
 * Who the server is: an id, made once and kept, so that a host stays itself when its name or address changes and is not listed twice. A copy of the disk is
 * another host: it is told by the marks of the machine that are kept beside the id, and begins with an id and credentials of its own.
 */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { PRIVATE_MODE, replaceFile } from '../adapters/files.ts';
import type { Logger } from '../adapters/logging.ts';
import { type ServerId, serverId } from '../domain/ids.ts';
import type { Random } from '../domain/ports/clock.ts';
import { readIfThere } from './file-storage.ts';

/** What a copy of the disk does not bring along, or only by negligence. Absent: not known. */
export interface HostMarks {
  /** Of EC2. It stays the same when the instance is stopped and started. */
  readonly instanceId?: string | undefined;
  /** Of the operating system. Copies of an image that was never prepared for it have the same. */
  readonly machineId?: string | undefined;
  /** Of the machine or virtual machine. */
  readonly hardwareId?: string | undefined;
}

export interface IdentityDeps {
  readonly stateFolder: string;
  /** For people who decode the id. */
  readonly hostname: string;
  readonly marks: HostMarks;
  readonly random: Random;
  readonly log: Logger;
}

/** What belongs to the server id in the state folder: who the agent is to its brokers, and what it knows of its sessions. */
export const STATE_FILES = {
  serverId: 'server-id',
  marks: 'host-marks.json',
  credentials: 'credentials.json',
  outbox: 'outbox.jsonl',
  journal: 'journal.jsonl',
} as const;

const marksSchema: z.ZodType<HostMarks> = z.object({
  instanceId: z.string().optional(),
  machineId: z.string().optional(),
  hardwareId: z.string().optional(),
});

/** Of `server-id` in the state folder; a new one, and nothing kept of the old, where that was made on another machine. */
export async function keptServerId({ stateFolder, hostname, marks, random, log }: IdentityDeps): Promise<ServerId> {
  const pathOf = (file: keyof typeof STATE_FILES): string => join(stateFolder, STATE_FILES[file]);
  const kept = (await readIfThere(pathOf('serverId')))?.trim();
  const before = await keptMarks(pathOf('marks'), log);
  const copied = difference(before, marks);
  if (kept !== undefined && kept !== '' && copied === undefined) {
    await keepMarks(pathOf('marks'), before, { ...before, ...known(marks) });
    return serverId(kept);
  }
  const made = newServerId(hostname, random);
  if (copied !== undefined) log.warn({ differs: copied, former: kept, serverId: made }, ANOTHER_MACHINE);
  // The id goes last: whoever is killed in between does all of this again.
  if (copied !== undefined) for (const file of ['credentials', 'outbox', 'journal'] as const) await rm(pathOf(file), { force: true });
  await replaceFile(pathOf('serverId'), `${made}\n`, PRIVATE_MODE);
  await keepMarks(pathOf('marks'), before, known(marks));
  return made;
}

const ANOTHER_MACHINE =
  'the state of this agent was made on another machine, of whose disk this one is a copy: it becomes a server of its own, with a new id and a new enrolment';

async function keptMarks(path: string, log: Logger): Promise<HostMarks> {
  try {
    return marksSchema.parse(JSON.parse((await readIfThere(path)) ?? '{}'));
  } catch {
    log.warn({ path }, 'what this machine was known by cannot be read; whether it is a copy of another is not known');
    return {};
  }
}

async function keepMarks(path: string, before: HostMarks, now: HostMarks): Promise<void> {
  if (JSON.stringify(before) !== JSON.stringify(now)) await replaceFile(path, `${JSON.stringify(now)}\n`, PRIVATE_MODE);
}

/** Those that are known, in one order. */
function known({ instanceId, machineId, hardwareId }: HostMarks): HostMarks {
  return { ...(instanceId && { instanceId }), ...(machineId && { machineId }), ...(hardwareId && { hardwareId }) };
}

/** The mark that shows another machine. EC2 knows best; a mark that is not known on both sides shows nothing. */
function difference(before: HostMarks, now: HostMarks): keyof HostMarks | undefined {
  const isKnown = (mark: keyof HostMarks): boolean => before[mark] !== undefined && now[mark] !== undefined;
  const telling = isKnown('instanceId') ? (['instanceId'] as const) : (['machineId', 'hardwareId'] as const);
  return telling.find((mark) => isKnown(mark) && before[mark] !== now[mark]);
}

/** Base64 of `<hostname>:<uuid>`, filled up with `-` so that it ends without `=`: consoles decode it to show it, and some put it into URLs. */
export function newServerId(hostname: string, random: Random): ServerId {
  const name = `${hostname.replace(/[^\x21-\x7e]/g, '-').slice(0, 255)}:${random.uuid()}`;
  const filled = name.padEnd(Math.ceil(name.length / 3) * 3, '-');
  return serverId(Buffer.from(filled, 'ascii').toString('base64'));
}
