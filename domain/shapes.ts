/** Every type of fact there is, with what lifts its older shapes. The keys are the storage format. */
import type { AccessEvent } from './access/events.ts';
import { accessUpcasters } from './access/upcasters.ts';
import type { AttemptEvent } from './attempt/events.ts';
import { attemptUpcasters } from './attempt/upcasters.ts';
import type { AuthServerEvent } from './auth-server/events.ts';
import { authServerUpcasters } from './auth-server/upcasters.ts';
import type { BrokerEvent } from './broker/events.ts';
import { brokerUpcasters } from './broker/upcasters.ts';
import type { DnsEvent } from './dns/events.ts';
import { dnsUpcasters } from './dns/upcasters.ts';
import type { KeyEvent } from './keys/events.ts';
import { keyUpcasters } from './keys/upcasters.ts';
import type { RequestEvent } from './request/events.ts';
import { requestUpcasters } from './request/upcasters.ts';
import type { ServerEvent } from './server/events.ts';
import { serverUpcasters } from './server/upcasters.ts';
import type { SessionEvent } from './session/events.ts';
import { sessionUpcasters } from './session/upcasters.ts';
import { createLifting, type Upcasters } from './upcasting.ts';

export const UPCASTERS: Upcasters<
  SessionEvent | ServerEvent | AccessEvent | RequestEvent | KeyEvent | BrokerEvent | AttemptEvent | DnsEvent | AuthServerEvent
> = {
  ...sessionUpcasters,
  ...serverUpcasters,
  ...accessUpcasters,
  ...requestUpcasters,
  ...keyUpcasters,
  ...brokerUpcasters,
  ...attemptUpcasters,
  ...dnsUpcasters,
  ...authServerUpcasters,
};

export const { versionOf, lift } = createLifting(UPCASTERS);
