/** What was thrown, as text for a log line or for a reason that an API user reads. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
