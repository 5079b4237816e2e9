/**
 * Facts and machines: the one place, besides the machines themselves, that knows XState. A state is a snapshot, an immutable value; a fact
 * leads from one to the next. No XState actor is kept for each of ours: the machines have no timers, no children and no effects, so all
 * such an actor would add is three kilobytes for each session and server, and half as much time again for each fact.
 */
import { type AnyMachineSnapshot, type AnyStateMachine, createActor, type EventFromLogic, type SnapshotFrom } from 'xstate';
import type { Statement } from './facts.ts';
import type { State } from './ports/snapshots.ts';

export interface Folding<M extends AnyStateMachine> {
  /** The state before the first fact. */
  readonly initial: SnapshotFrom<M>;
  /** The state after a fact. Throws where it cannot follow, for XState itself would pass over it in silence; `where` is for the message. */
  next(snapshot: SnapshotFrom<M>, fact: Statement, where: string): SnapshotFrom<M>;
  /** All of a snapshot that is not the machine itself. */
  stateOf(snapshot: SnapshotFrom<M>): State;
  /** The other way round. The state must come of this very machine. */
  snapshotOf(state: State): SnapshotFrom<M>;
}

export function createFolding<M extends AnyStateMachine>(machine: M): Folding<M> {
  // One started actor lends its surroundings to all transitions: making them anew each time would cost more than the transition.
  const self = createActor(machine as AnyStateMachine).start();
  /* c8 ignore next: what a machine might do besides changing its state, and ours do not. */
  const nothing = (): void => undefined;
  const scope = {
    self,
    system: self.system,
    id: self.id,
    sessionId: self.sessionId,
    logger: nothing,
    defer: nothing,
    emit: nothing,
    stopChild: nothing,
    actionExecutor: nothing,
  };
  return {
    initial: self.getSnapshot() as SnapshotFrom<M>,
    next(snapshot, fact, where) {
      const before: AnyMachineSnapshot = snapshot;
      const event = fact as EventFromLogic<M>;
      if (!before.can(event)) throw new Error(`${where}: ${fact.type} cannot follow in state ${JSON.stringify(before.value)}.`);
      return machine.transition(before, event, scope) as SnapshotFrom<M>;
    },
    stateOf({ value, context }: AnyMachineSnapshot) {
      return { value, context };
    },
    snapshotOf: (state) => machine.resolveState(state) as SnapshotFrom<M>,
  };
}
