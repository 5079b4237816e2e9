/** What of a data folder cannot be made again, and so belongs into a backup. Read models, snapshots and certificates come back by themselves. */
import { EVIDENCE_FILE } from '../evidence/published.ts';

export const LOG_FILE = 'log.sqlite';
/** Unless the configuration says that it is elsewhere. */
export const CLUSTER_KEY_FILE = 'secrets/cluster.key';

/**
 * Copied before the log. Each of them rests on facts that are in the log by then, or is never ahead of it, so with the log of a later moment they make a
 * folder as a broker might have left it.
 */
export const SMALL_FILES: readonly string[] = [CLUSTER_KEY_FILE, 'connection.json', 'software-statement.txt', 'broker-id', EVIDENCE_FILE];

/** Copied after the log, because facts are in there before they are taken out of the log. */
export const ARCHIVE_FOLDER = 'archive';
