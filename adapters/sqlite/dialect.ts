/**
 * Kysely over our own connections, in two kinds that are different types: a reader, which may only ask, and a transactor, which has the
 * one write connection of its file and changes it in transactions.
 */
import {
  CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  Kysely,
  type QueryResult,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from 'kysely';
import type { Reader, Transactor } from '../../projections/database.ts';
import type { Connection } from './connection.ts';
import { createPool } from './pool.ts';

/** Nobody else uses the connections while `work` is under way: it begins when they are free, and whoever comes meanwhile waits. */
export interface Holdable {
  hold<T>(work: () => Promise<T>): Promise<T>;
}

/** Over connections that were opened `readonly`; as many queries at a time as there are connections. */
export function createReader<Schema>(connections: readonly Connection[]): Reader<Schema> & Holdable {
  const database = new Kysely<Schema>({ dialect: createDialect(connections) });
  return Object.assign(database, { hold: <T>(work: () => Promise<T>) => holdAll(database, connections.length, work) });
}

/** Over the write connection of a file. */
export function createTransactor<Schema>(connection: Connection): Transactor<Schema> & Holdable {
  const database = new Kysely<Schema>({ dialect: createDialect([connection]) });
  return {
    transact: (work) => database.transaction().execute(work),
    hold: (work) => holdAll(database, 1, work),
  };
}

function holdAll<Schema, T>(database: Kysely<Schema>, connections: number, work: () => Promise<T>): Promise<T> {
  return connections === 0 ? work() : database.connection().execute(() => holdAll(database, connections - 1, work));
}

function createDialect(connections: readonly Connection[]): Dialect {
  return {
    createAdapter: () => new SqliteAdapter(),
    createDriver: () => createDriver(connections),
    createIntrospector: (database) => new SqliteIntrospector(database),
    createQueryCompiler: () => new SqliteQueryCompiler(),
  };
}

const nothing = async (): Promise<void> => undefined;

/** Whoever opened the connections closes them. */
function createDriver(connections: readonly Connection[]): Driver {
  const pool = createPool(connections.map(createDatabaseConnection));
  const execute = async (connection: DatabaseConnection, sql: string) => {
    await connection.executeQuery(CompiledQuery.raw(sql));
  };
  return {
    init: nothing,
    acquireConnection: pool.acquire,
    releaseConnection: async (connection) => pool.release(connection),
    /** A deferred transaction that reads and then writes would fail at once, whatever the busy time-out. */
    beginTransaction: (connection) => execute(connection, 'BEGIN IMMEDIATE'),
    commitTransaction: (connection) => execute(connection, 'COMMIT'),
    rollbackTransaction: (connection) => execute(connection, 'ROLLBACK'),
    destroy: nothing,
  };
}

function createDatabaseConnection(connection: Connection): DatabaseConnection {
  return {
    async executeQuery<Row>({ sql, parameters, query }: CompiledQuery): Promise<QueryResult<Row>> {
      if (isPlainWrite(query)) {
        return { rows: [], numAffectedRows: BigInt(await connection.run(sql, parameters)) };
      }
      return { rows: await connection.all<Row>(sql, parameters) };
    },
    streamQuery() {
      throw new Error('Queries are read in pages here, not streamed: a stream would hold its connection for as long as its reader likes.');
    },
  };
}

/** Counts rows instead of returning them. */
function isPlainWrite(query: CompiledQuery['query']): boolean {
  const isWrite = query.kind === 'InsertQueryNode' || query.kind === 'UpdateQueryNode' || query.kind === 'DeleteQueryNode';
  return isWrite && query.returning === undefined;
}
