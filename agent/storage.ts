/** What the agent keeps across restarts, behind two tiny interfaces: files in production (file-storage.ts), memory in simulations. */

/** A growing list of JSON values. One caller at a time per list; calls are carried out in order. */
export interface RecordLog {
  /** Everything that is stored, oldest first. Called once, before anything else. */
  load(): Promise<readonly unknown[]>;
  /** Resolves when the records are safe from a crash. */
  append(records: readonly object[]): Promise<void>;
  /** Puts `records` in the place of everything: all or nothing, even across a crash. */
  replace(records: readonly object[]): Promise<void>;
  close(): Promise<void>;
}

/** A record log that lasts as long as the process; a second agent made with it is the first one restarted. */
export function createMemoryLog(): RecordLog {
  let lines: string[] = [];
  return {
    load: async () => lines.map((line) => JSON.parse(line)),
    append: async (records) => {
      lines.push(...records.map((record) => JSON.stringify(record)));
    },
    replace: async (records) => {
      lines = records.map((record) => JSON.stringify(record));
    },
    close: async () => undefined,
  };
}
