/**
 * The grammar of decision tests: `given(facts).when(command).decides(events)` or `.isRejected(code)`. Whatever is decided is also folded,
 * which must be possible, and decided again, which must give nothing more.
 */
import t, { type Test } from 'tap';
import { type AnyMachineSnapshot, type AnyStateMachine, createActor, type SnapshotFrom } from 'xstate';
import type { ActorKind } from '../../domain/actors.ts';
import type { Decision } from '../../domain/decision.ts';
import type { Statement } from '../../domain/facts.ts';

const TIME = Date.UTC(2026, 0, 1);

type Kind<M extends AnyStateMachine, C, S extends Statement> = Pick<ActorKind<M, C, S>, 'machine' | 'decide'>;

export interface When<C, S extends Statement> {
  readonly when: (command: C) => {
    readonly decides: (...events: S[]) => void;
    readonly isRejected: (code: string) => void;
  };
}

export type Given<C, S extends Statement> = (...facts: S[]) => When<C, S>;

/** Gives `story(title, tell)` for one kind of actor. */
export function storiesOf<M extends AnyStateMachine, C, S extends Statement>(kind: Kind<M, C, S>) {
  return (title: string, tell: (given: Given<C, S>) => void) => t.test(title, async (t) => tell((...facts) => givenIn(t, kind, facts)));
}

function givenIn<M extends AnyStateMachine, C, S extends Statement>(t: Test, kind: Kind<M, C, S>, facts: readonly S[]): When<C, S> {
  return {
    when: (command) => ({
      decides: (...events) => t.same(decideAndAgain(t, kind, facts, command), { accepted: events }),
      isRejected: (code) => t.match(decideAndAgain(t, kind, facts, command), { rejected: { code } }),
    }),
  };
}

function decideAndAgain<M extends AnyStateMachine, C, S extends Statement>(
  t: Test,
  kind: Kind<M, C, S>,
  facts: readonly S[],
  command: C,
): Decision<S> {
  const decide = (known: readonly S[]): Decision<S> => kind.decide(fold(kind.machine, known) as SnapshotFrom<M>, command);
  const decision = decide(facts);
  if ('accepted' in decision && decision.accepted.length > 0) {
    const again = decide([...facts, ...decision.accepted]);
    t.same('accepted' in again ? again.accepted : [], [], 'the same command again gives nothing');
  }
  return decision;
}

/** The state after these facts; throws where one may not follow. */
function fold(machine: AnyStateMachine, facts: readonly Statement[]): AnyMachineSnapshot {
  const actor = createActor(machine).start();
  for (const fact of facts) {
    const event = { ...fact, time: TIME };
    if (!actor.getSnapshot().can(event)) throw new Error(`${fact.type} cannot follow in state ${actor.getSnapshot().value}`);
    actor.send(event);
  }
  return actor.getSnapshot();
}

/** The state that the fact leads to; undefined: it may not follow. */
function stateAfter(machine: AnyStateMachine, facts: readonly Statement[], fact: Statement): string | undefined {
  return fold(machine, facts).can({ ...fact, time: TIME }) ? String(fold(machine, [...facts, fact]).value) : undefined;
}

/** Rows of cells between `|`; the first row names the columns, the first column the rows. An empty cell is ''. */
function readTable(text: string): readonly { readonly row: string; readonly column: string; readonly cell: string }[] {
  const [head = [], ...rows] = text
    .trim()
    .split('\n')
    .map((line) => line.split('|').map((cell) => cell.trim()));
  return rows.flatMap(([row = '', ...cells]) => cells.map((cell, index) => ({ row, column: head[index + 1] ?? '', cell })));
}

/** A decision as a table writes it: the facts without their category, a rejection's code, or nothing. */
function summary(decision: Decision<Statement>): string {
  if ('rejected' in decision) return decision.rejected.code;
  return decision.accepted.map(({ type }) => type.slice(type.indexOf('.') + 1)).join(' ');
}

/** Tests every state with every event and with every command. `states` says which facts lead to each state. */
export function testTables<M extends AnyStateMachine, C, S extends Statement>(
  kind: Kind<M, C, S>,
  samples: {
    readonly states: Readonly<Record<string, readonly S[]>>;
    readonly events: Readonly<Record<S['type'], S>>;
    readonly commands: Readonly<Record<string, C>>;
  },
  tables: { readonly follows: string; readonly decides: string },
): void {
  t.test('the machine has a state for each row, and the letters of its alphabet are the facts', async (t) => {
    t.same(Object.keys(kind.machine.states).sort(), Object.keys(samples.states).sort());
    t.same([...kind.machine.events].sort(), Object.keys(samples.events).sort());
    for (const [state, facts] of Object.entries(samples.states)) t.equal(fold(kind.machine, facts).value, state);
  });
  t.test('every fact may follow where the table says so, and nowhere else', async (t) => {
    const cells = readTable(tables.follows);
    t.equal(cells.length, Object.keys(samples.states).length * Object.keys(samples.events).length, 'the table is complete');
    for (const { row, column, cell } of cells) {
      const after = stateAfter(kind.machine, samples.states[column] as readonly S[], samples.events[row as S['type']]);
      t.equal(after ?? '', cell, `${row} in ${column}`);
    }
  });
  t.test('every command is decided as the table says, and again gives nothing', async (t) => {
    const cells = readTable(tables.decides);
    t.equal(cells.length, Object.keys(samples.states).length * Object.keys(samples.commands).length, 'the table is complete');
    for (const { row, column, cell } of cells) {
      const facts = samples.states[column] as readonly S[];
      t.equal(summary(decideAndAgain(t, kind, facts, samples.commands[row] as C)), cell, `${row} in ${column}`);
    }
  });
}
