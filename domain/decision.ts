/** What deciding a command gives: the statements that follow, or why none may. */
import type { Statement } from './facts.ts';

/** Why a command was turned down: expected, returned as data, never thrown. */
export interface Rejection {
  /** For programs: SCREAMING_SNAKE, stable. */
  readonly code: string;
  /** For people: one sentence, in the words of the API's user, with nothing of our insides. */
  readonly reason: string;
}

/** Already done is `{ accepted: [] }`. */
export type Decision<S extends Statement> = { readonly accepted: readonly S[] } | { readonly rejected: Rejection };

export const accepted = <S extends Statement>(...statements: S[]): Decision<S> => ({ accepted: statements });
export const rejected = (code: string, reason: string): { readonly rejected: Rejection } => ({
  rejected: { code, reason },
});
