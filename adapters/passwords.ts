/**
 * How secrets are kept: as hashes. Passwords get scrypt, slow on purpose, of which few run at a time, because they share the thread pool
 * with SQLite; secrets of 256 random bits get SHA-256, for nobody guesses those.
 */
import { createHash, randomBytes, type ScryptOptions, scrypt, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';

/** Too many passwords are waiting to be hashed; try again later. */
export class PasswordsBusyError extends Error {
  override readonly name = 'PasswordsBusyError';
}

export interface Passwords {
  /** Text of the form `scrypt$<N>$<r>$<p>$<salt>$<key>`, base64url. Throws PasswordsBusyError. */
  hash(password: string): Promise<string>;
  /** False for a wrong password and for a text that is no hash. Throws PasswordsBusyError. */
  matches(password: string, hash: string): Promise<boolean>;
}

export interface PasswordLimits {
  /** Hashes that run at a time. */
  readonly concurrent: number;
  /** Hashes that may wait. */
  readonly waiting: number;
}

/** 16 MiB and some 40 ms a hash. Client passwords are 122 random bits, made by us; this is for those whom a person chose. */
const COST = { N: 16_384, r: 8, p: 1 };
const MAX_MEMORY = 64 * 1024 * 1024;
const KEY_BYTES = 32;
const SALT_BYTES = 16;
const FORM = /^scrypt\$(\d{1,7})\$(\d{1,3})\$(\d{1,3})\$([\w-]{1,100})\$([\w-]{43})$/;

export function createPasswords(limits: PasswordLimits = { concurrent: 2, waiting: 200 }): Passwords {
  const inTurn = createQueue(limits);
  return {
    hash: async (password) => {
      const salt = randomBytes(SALT_BYTES);
      const key = await inTurn(() => derive(password, salt, COST));
      return ['scrypt', COST.N, COST.r, COST.p, salt.toString('base64url'), key.toString('base64url')].join('$');
    },
    matches: async (password, hash) => {
      const [, N, r, p, salt = '', key = ''] = FORM.exec(hash) ?? [];
      if (key === '') return false;
      const cost = { N: Number(N), r: Number(r), p: Number(p) };
      const derived = await inTurn(() => derive(password, Buffer.from(salt, 'base64url'), cost));
      return timingSafeEqual(derived, Buffer.from(key, 'base64url'));
    },
  };
}

/** SHA-256 in base64url. For secrets of 256 random bits only. */
export const hashSecret = (secret: string): string => createHash('sha256').update(secret).digest('base64url');

/** In the same time whether they match or not. */
export function secretMatches(secret: string, hash: string): boolean {
  const given = Buffer.from(hashSecret(secret));
  const kept = Buffer.from(hash);
  return given.length === kept.length && timingSafeEqual(given, kept);
}

const derive = (password: string, salt: Buffer, cost: ScryptOptions): Promise<Buffer> =>
  scryptLater(password.normalize('NFC'), salt, KEY_BYTES, { ...cost, maxmem: MAX_MEMORY });

const scryptLater = promisify<string, Buffer, number, ScryptOptions, Buffer>(scrypt);

/** Runs tasks as they come, so many at a time; the rest wait in order, and beyond a bound are turned away. */
function createQueue({ concurrent, waiting }: PasswordLimits): <T>(task: () => Promise<T>) => Promise<T> {
  const queue: (() => void)[] = [];
  let running = 0;
  return async (task) => {
    if (running < concurrent) running += 1;
    else if (queue.length < waiting) await new Promise<void>((resume) => queue.push(resume));
    else throw new PasswordsBusyError('Too many passwords are waiting to be checked');
    try {
      return await task();
    } finally {
      const next = queue.shift();
      // The turn is handed on, not given up, so that a newcomer cannot slip in between.
      if (next === undefined) running -= 1;
      else next();
    }
  };
}
