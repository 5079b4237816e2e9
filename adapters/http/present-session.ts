/** Sessions as the wire shows them. What is not known is absent. */
import type { SessionView } from '../../projections/views.ts';
import type { Session } from '../wire/sessions.ts';
import { presentAddress } from './present-server.ts';

export function presentSession(view: SessionView): Session {
  return {
    Id: view.id,
    Name: view.name,
    Owner: view.owner,
    Server: view.server && presentAddress(view.server),
    Type: view.sessionType,
    MaxConcurrentClients: view.maxConcurrentClients,
    State: view.state,
    Substate: view.substate,
    StateReason: view.stateReason,
    CreationTime: presentTime(view.creationTime),
    LastDisconnectionTime: view.lastDisconnectionTime === undefined ? undefined : presentTime(view.lastDisconnectionTime),
    NumOfConnections: view.connections,
    StorageRoot: view.storageRoot,
  };
}

/** ISO 8601 in UTC with milliseconds. */
export const presentTime = (milliseconds: number): string => new Date(milliseconds).toISOString();
