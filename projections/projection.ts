/** What a projection is: a pure fold from facts to changes of rows. It never reads, and never knows how or when the rows are written. */
import type { RecordedFact, Statement } from '../domain/facts.ts';
import type { Changes, Shape } from './changes.ts';

export interface Projection {
  readonly name: string;
  /** Its tables, which no other projection writes. */
  readonly shapes: readonly Shape[];
  /** Adds what the fact changes. False: the fact is about this projection's subject, but of a type that it does not know. */
  apply(fact: RecordedFact, changes: Changes): boolean;
}

/** What one type of fact changes. `id` is that of the actor. */
export type Handler<S extends Statement> = (fact: RecordedFact<S>, id: string, changes: Changes) => void;

/** One line for every type there is, so that a new one cannot be forgotten. */
export type Handlers<Event extends Statement> = {
  readonly [Type in Event['type']]: Handler<Extract<Event, { readonly type: Type }>>;
};

interface About<Event extends Statement> {
  readonly name: string;
  readonly shapes: readonly Shape[];
  /** The kinds of actors whose facts these are: what stands before the dot in a type, and before the id in the name of a stream. */
  readonly subjects: readonly string[];
  /** What any fact about the subject changes, of whatever type. */
  readonly each?: Handler<Statement>;
  readonly handlers: Handlers<Event>;
}

export function projectionOf<Event extends Statement>({ name, shapes, subjects, each, handlers }: About<Event>): Projection {
  const byType = new Map(Object.entries(handlers)) as ReadonlyMap<string, Handler<Statement>>;
  const prefixes = subjects.map((subject) => `${subject}.`);
  return {
    name,
    shapes,
    apply(fact, changes) {
      const prefix = prefixes.find((one) => fact.type.startsWith(one));
      if (prefix === undefined) return true;
      const id = fact.stream.slice(prefix.length);
      const handler = byType.get(fact.type);
      each?.(fact, id, changes);
      handler?.(fact, id, changes);
      return handler !== undefined;
    },
  };
}
