/** What a server can be told. Imperative; each is judged by decide.ts and may be turned down. */
import type { BrokerId, ClientId, SessionId } from '../ids.ts';
import type { SessionType } from '../session/events.ts';
import type { ServerDescription } from './events.ts';

export type ServerCommand =
  /** Its agent has connected and says what it is. */
  | {
      readonly type: 'greet';
      /** That it is connected to. */
      readonly broker: BrokerId;
      readonly clientId: ClientId;
      readonly description: ServerDescription;
      readonly healthy: boolean;
      readonly healthReason?: string | undefined;
      readonly loggedInUsers: readonly string[];
    }
  | { readonly type: 'describe'; readonly description: ServerDescription }
  | { readonly type: 'change-health'; readonly healthy: boolean; readonly reason?: string | undefined }
  | { readonly type: 'change-logged-in-users'; readonly users: readonly string[] }
  /** This broker has no link to its agent any more. */
  | { readonly type: 'lose'; readonly broker: BrokerId; readonly reason: string }
  | {
      readonly type: 'reserve';
      readonly sessionId: SessionId;
      readonly sessionType: SessionType;
      readonly owner: string;
      readonly attempt: number;
    }
  /** A session is there without having asked: it counts, whether there was room or not. */
  | { readonly type: 'count'; readonly sessionId: SessionId; readonly sessionType: SessionType; readonly owner: string }
  | { readonly type: 'release'; readonly sessionId: SessionId }
  | { readonly type: 'open' }
  /** Without force only while no session is there. */
  | { readonly type: 'close'; readonly force: boolean }
  /** It is given up, unless it can be reached by now. */
  | { readonly type: 'remove'; readonly reason: string };
