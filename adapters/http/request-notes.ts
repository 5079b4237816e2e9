/** What becomes known of a request while it is served, for those who tell of it when it is answered. */
import { type RequestId, requestId } from '../../domain/ids.ts';
import type { Random } from '../../domain/ports/clock.ts';

export interface RequestNotes {
  readonly requestId: RequestId;
  /** A name from our own code; undefined as long as it is not known what is asked for. */
  operation?: string;
  /** Who asks, once that is proven. */
  client?: string;
  /** Told of the operation before it is carried out. */
  begun?: (operation: string) => void;
}

const kept = new WeakMap<Request, RequestNotes>();

/** The notes of this request. Its id is made with the first look. */
export function notesOf(request: Request, random: Random): RequestNotes {
  const known = kept.get(request);
  if (known !== undefined) return known;
  const notes: RequestNotes = { requestId: requestId(random.uuid()) };
  kept.set(request, notes);
  return notes;
}

/** The id of a request, for lines about it; undefined where nobody has looked at its notes. */
export const requestIdOf = (request: Request): RequestId | undefined => kept.get(request)?.requestId;

/** Notes which operation it is, before it is carried out. */
export function noteOperation(notes: RequestNotes, operation: string): void {
  notes.operation = operation;
  notes.begun?.(operation);
}
