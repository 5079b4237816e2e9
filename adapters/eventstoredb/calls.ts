/** Calls to the server: how many at a time, how long each may take, and what their errors mean to an operator. */
import { LogFault } from '../../domain/ports/event-log.ts';

/** Runs so many pieces of work at a time; the others wait in the order of their asking. */
export interface Slots {
  run<T>(work: () => Promise<T>): Promise<T>;
}

export function createSlots(limit: number): Slots {
  const waiting: (() => void)[] = [];
  let free = limit;
  return {
    async run(work) {
      if (free > 0) free -= 1;
      else await new Promise<void>((resolve) => waiting.push(resolve));
      try {
        return await work();
      } finally {
        const next = waiting.shift();
        if (next === undefined) free += 1;
        else next();
      }
    },
  };
}

/** Rejects with LogFault when `work` takes longer; what becomes of it then is nobody's business any more, but `givenUp` may clean up. */
export async function within<T>(limitMs: number, work: Promise<T>, givenUp: () => void = () => undefined): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const tooLate = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new LogFault(`The server has not answered for ${limitMs / 1000} s.`)), limitMs);
  });
  try {
    return await Promise.race([work, tooLate]);
  } catch (error) {
    givenUp();
    throw error;
  } finally {
    clearTimeout(timer);
    work.catch(() => undefined);
  }
}

/** `what` begins a sentence: "The log could not be read". */
export function faultOf(what: string, cause: unknown): LogFault {
  return new LogFault(`${what}: ${reasonOf(cause)}`, { cause });
}

/**
 * A sentence. The client's errors are all called "Error", and some have no words at all or none of their own; what they are is said by the codes of
 * gRPC and by types, of which either may be missing.
 */
export function reasonOf(cause: unknown): string {
  if (cause instanceof LogFault) return cause.message;
  const { type = '', code, details, message } = cause as { type?: string; code?: number; details?: string; message: string };
  const words = (details ?? message).replace(/^\d+ [A-Z_]+: /, '').replace(/\.?(?: Resolution note: )?$/, '');
  if (words.includes('Server Is Not Ready')) return 'the server is not ready yet.';
  if (type === 'access-denied' || code === CODES.permissionDenied) {
    return 'the server denies access; check the user and the password in the address of the log.';
  }
  if (code === CODES.unavailable || code === CODES.cancelled) return `the server cannot be reached (${words}).`;
  return `${words || type}.`;
}

/** Of gRPC. */
const CODES = { cancelled: 1, permissionDenied: 7, unavailable: 14 };
