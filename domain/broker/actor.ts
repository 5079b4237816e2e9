/** Brokers as actors: the streams `broker-<id>`. */
import type { ActorKind, Actors } from '../actors.ts';
import { accepted, type Decision } from '../decision.ts';
import type { BrokerAddress, BrokerEvent } from './events.ts';
import { type BrokerSnapshot, brokerMachine } from './machine.ts';

export type BrokerCommand =
  | { readonly type: 'join'; readonly address: BrokerAddress }
  | { readonly type: 'leave'; readonly reason: string };

export const brokerKind: ActorKind<typeof brokerMachine, BrokerCommand, BrokerEvent> = {
  category: 'broker',
  machine: brokerMachine,
  decide: decideBroker,
  isOver: ({ value }) => value !== 'joined',
};

export type Brokers = Actors<typeof brokerMachine, BrokerCommand, BrokerEvent>;

function decideBroker({ value, context }: BrokerSnapshot, command: BrokerCommand): Decision<BrokerEvent> {
  if (command.type === 'leave') {
    return value === 'joined' ? accepted({ type: 'broker.left', data: { reason: command.reason } }) : accepted();
  }
  const { host, url } = command.address;
  const isKnown = value === 'joined' && context.address?.host === host && context.address.url === url;
  return isKnown ? accepted() : accepted({ type: 'broker.joined', data: { host, url } });
}
