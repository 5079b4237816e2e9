/**
 * Reads the fields of one item of a batch and keeps what is wrong with them, so that the caller learns every fault at once and the
 * neighbours of the item go on.
 */
import { rejected } from '../../domain/decision.ts';
import type { Result } from '../application.ts';
import { decodePermissions, permissionsFaults } from '../wire/permissions-file.ts';

type Given<T> = T | null | undefined;

export interface ItemReader {
  /** A text of 1 to `maxLength` characters that says something. `''` where it is at fault. */
  required(field: string, value: Given<string>, maxLength: number): string;
  /** A text of up to `maxLength` characters; undefined where there is none or an empty one. */
  optional(field: string, value: Given<string>, maxLength: number): string | undefined;
  /** A whole number within the bounds; undefined where there is none. */
  bounded(field: string, value: Given<number>, bounds: { readonly min: number; readonly max: number }): number | undefined;
  /** A permissions file in standard base64 (RFC 4648, section 4) of up to `maxLength` characters; undefined where there is none. */
  permissions(field: string, value: Given<string>, maxLength: number): string | undefined;
  /** Keeps a sentence if `wrong`. */
  refuseIf(wrong: boolean, sentence: string): void;
  /** What `command` makes of the fields, or all faults found as one rejection. */
  outcome<Command>(command: Command): Result<Command>;
}

/** Control characters and halves of surrogate pairs: neither belongs in a name, and the latter cannot be stored. */
const UNSAFE = /[\p{Cc}\p{Cs}]/u;

export function createItemReader(): ItemReader {
  const faults: string[] = [];
  const refuseIf = (wrong: boolean, sentence: string) => {
    if (wrong) faults.push(sentence);
  };
  const checkText = (field: string, value: string, maxLength: number) => {
    refuseIf(value.length > maxLength, `${field} is longer than ${maxLength} characters.`);
    refuseIf(UNSAFE.test(value), `${field} has characters that cannot be used.`);
  };
  return {
    refuseIf,
    required: (field, value, maxLength) => {
      const text = value ?? '';
      refuseIf(text.trim() === '', `${field} is missing.`);
      checkText(field, text, maxLength);
      return text;
    },
    optional: (field, value, maxLength) => {
      const text = value || undefined;
      if (text !== undefined) checkText(field, text, maxLength);
      return text;
    },
    bounded: (field, value, { min, max }) => {
      const number = value ?? undefined;
      if (number !== undefined) refuseIf(number < min || number > max, `${field} is ${number}; it must be ${min} to ${max}.`);
      return number;
    },
    permissions: (field, value, maxLength) => {
      const base64 = value || undefined;
      if (base64 === undefined) return undefined;
      const isTooLong = base64.length > maxLength;
      refuseIf(isTooLong, `${field} is longer than ${maxLength} characters.`);
      if (isTooLong) return base64;
      const decoded = decodePermissions(base64);
      const wrong = 'fault' in decoded ? [decoded.fault] : permissionsFaults(decoded.text);
      refuseIf(wrong.length > 0, `${field} ${wrong.join('; ')}.`);
      return base64;
    },
    outcome: (command) => (faults.length === 0 ? { done: command } : rejected('INVALID_REQUEST', faults.join(' '))),
  };
}
