/** `dcv` as the driver uses it: an answer, or an error that says what it means. Which options the installed version knows is found out once. */
import type { CommandLimits, RunCommand } from './dcv-command.ts';
import { type FailureKind, failureOf } from './dcv-failures.ts';

/** It ran and ended with an error. The message is a sentence for the session's StateReason or the server's health. */
export class DcvFailure extends Error {
  override readonly name = 'DcvFailure';
  readonly kind: FailureKind;

  constructor(kind: FailureKind, sentence: string) {
    super(sentence);
    this.kind = kind;
  }
}

export interface DcvTool {
  /** What it printed. Rejects with a DcvFailure, or with a CommandError when it did not run to its end. */
  ask(parameters: readonly string[], limits: CommandLimits): Promise<Buffer>;
  /** The same thing, asked for in the first of several ways that the installed version knows. `name`: under which that is remembered. */
  firstKnown<T>(name: string, ways: readonly [() => Promise<T>, ...(() => Promise<T>)[]]): Promise<T>;
  /** Another version may be installed by now. */
  forget(): void;
}

export function createDcvTool(run: RunCommand): DcvTool {
  const known = new Map<string, number>();
  return {
    async ask(parameters, limits) {
      const end = await run(parameters, limits);
      if (end.code === 0) return end.stdout;
      const { kind, sentence } = failureOf(String(parameters[0]), end);
      throw new DcvFailure(kind, sentence);
    },
    async firstKnown(name, ways) {
      for (const [index, way] of [...ways.entries()].slice(known.get(name) ?? 0, -1)) {
        try {
          const answer = await way();
          known.set(name, index);
          return answer;
        } catch (error) {
          if (!(error instanceof DcvFailure) || error.kind !== 'unknown option') throw error;
          known.set(name, index + 1);
        }
      }
      return (ways.at(-1) ?? ways[0])();
    },
    forget: () => known.clear(),
  };
}
