/** Things that tests need one of, in a plain form. */
import type { Origin } from '../../domain/facts.ts';
import { brokerId, clientId, requestId } from '../../domain/ids.ts';
import type { ServerDescription } from '../../domain/server/events.ts';
import type { PlacementWish, SessionSpec } from '../../domain/session/events.ts';

export const ORIGIN: Origin = { cause: { kind: 'client', id: 'test' }, requestId: requestId('11111111-1111-4111-8111-111111111111') };

export const BROKER = brokerId('33333333-3333-4333-8333-333333333333');

export const AGENT_CLIENT = clientId('22222222-2222-4222-8222-222222222222');

export const wish = (changes: Partial<SessionSpec & PlacementWish> = {}): SessionSpec & PlacementWish => ({
  name: 'desk',
  owner: 'ann',
  sessionType: 'VIRTUAL',
  enqueue: false,
  retry: true,
  ...changes,
});

export const description = (changes: Partial<ServerDescription> = {}): ServerDescription => ({
  ip: '10.0.0.1',
  hostname: 'host-1',
  port: 8443,
  webUrlPath: '/',
  endpoints: [{ port: 8443, protocol: 'HTTP', webUrlPath: '/' }],
  version: '2025.0.20177',
  agentVersion: '0.1.0',
  os: { family: 'linux', name: 'Debian GNU/Linux', version: '12', kernelVersion: '6.1.0' },
  memoryTotalBytes: 16 * 2 ** 30,
  swapTotalBytes: 0,
  cpu: { vendor: 'GenuineIntel', modelName: 'Xeon', architecture: 'x86_64', numberOfCpus: 8, physicalCoresPerCpu: 4 },
  gpus: [],
  tags: [{ key: 'dcv:os-family', value: 'linux' }],
  maxVirtualSessions: -1,
  maxSessionsPerOwner: -1,
  ...changes,
});
