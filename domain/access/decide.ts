/** What follows from granting or revoking a credential. */
import { accepted, type Decision, rejected } from '../decision.ts';
import type { AccessCommand } from './commands.ts';
import type { AccessEvent } from './events.ts';
import type { AccessSnapshot } from './machine.ts';

export function decideAccess({ value }: AccessSnapshot, command: AccessCommand): Decision<AccessEvent> {
  switch (command.type) {
    case 'grant':
      return value === 'unknown' ? accepted(command.event) : rejected('ID_TAKEN', 'This id has been given before.');
    case 'revoke':
      if (value === 'unknown') return rejected('NOT_REGISTERED', 'There is no such registration.');
      return value === 'active' ? accepted(command.event) : accepted();
  }
}
