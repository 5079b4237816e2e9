/**
 * The index of the audit: where in the log to find what auditors ask for. It is a read database like the other one, and as disposable, in a file of
 * its own: it changes with every fact, and nothing else ought to wait for it.
 */

import { CURSOR } from './database.ts';

/** Raise it with every change of the tables or of what the projection writes. */
const VERSION = 2;

/** Every index ends with the position, which is the rowid, so whoever walks one comes by in the order of the log. */
export const AUDIT_SCHEMA = {
  version: VERSION,
  tables: `
    ${CURSOR}

    CREATE TABLE audit (
      position INTEGER PRIMARY KEY, stream TEXT, revision INTEGER, type TEXT, time INTEGER, request TEXT, client TEXT, owner TEXT, target TEXT
    );
    CREATE INDEX audit_by_stream ON audit (substr(stream, -12));
    CREATE INDEX audit_by_request ON audit (request);
    CREATE INDEX audit_by_type ON audit (type);
    CREATE INDEX audit_by_client ON audit (client, type) WHERE client IS NOT NULL;
    CREATE INDEX audit_by_owner ON audit (owner, stream) WHERE owner IS NOT NULL;
    CREATE INDEX audit_by_target ON audit (target) WHERE target IS NOT NULL;
    CREATE TABLE audit_hours (hour INTEGER PRIMARY KEY, first_position INTEGER, last_position INTEGER);

    PRAGMA user_version = ${VERSION};
  `,
} as const;
