/** What a benchmark reports: one measured figure next to the baseline that was measured in the same run. */
export interface Row {
  /** What was measured, such as `durable facts, 100 writers`. */
  readonly name: string;
  readonly value: number;
  /** Such as `facts/s`. */
  readonly unit: string;
  /** What `ratio` compares with, such as `raw sqlite3`. */
  readonly baseline: string;
  /** `value` divided by the baseline's value. */
  readonly ratio: number;
  /** What the ratio is meant to reach, such as `>= 0.5`. */
  readonly aim?: string;
}
