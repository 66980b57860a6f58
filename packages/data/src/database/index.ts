import { type DatabasePlacement, type Lease, type Pools, readyAgain } from "../pools/index.ts";
import { groupingOf } from "../seal/grouping.ts";
import { withNames } from "../seal/run-completed.ts";
import { SessionNotReset } from "../seal/run-sealed.ts";
import type { RowForm } from "../wire/rows.ts";
import {
  eitherSignal,
  isInTransaction,
  preparedText,
  type QueryRows,
  refuseTransaction,
  runAlone,
} from "./statement.ts";
import { type ReadOptions, readInBatches, readInTransaction } from "./stream.ts";
import { runTransaction, type Transaction, type TransactionIsolation } from "./transaction.ts";

export type { RowForm } from "../wire/rows.ts";
export type { QueryRows } from "./statement.ts";
export type { Transaction } from "./transaction.ts";

export type QueryOptions = { signal?: AbortSignal; form?: RowForm };

export type TransactionOptions = Pick<QueryOptions, "signal"> & {
  /** "read committed" when left out. */
  isolation?: TransactionIsolation;
  readOnly?: boolean;
};

/**
 * The database of one environment. Errors of a statement come as PostgreSQL's own (`pg.DatabaseError`, whose `code` is
 * the SQLSTATE); errors on the way to it are `PoolExhausted`, `DatabaseUnavailable` and `PlacementRetired`. A signal
 * cancels the statement on the server: unless it had finished by then, the call rejects with the signal's reason. What a
 * statement leaves in its session (SET, temporary tables, session locks) may be gone, or be met again, in a later call.
 */
export type Database = {
  /** Runs one statement in one round trip. Throws `InvalidArgument` for BEGIN and the like. */
  query<Row = Record<string, unknown>>(
    text: string,
    params?: readonly unknown[],
    options?: QueryOptions,
  ): Promise<QueryRows<Row>>;
  /**
   * Runs `work` in one transaction on one connection and commits, or rolls back when it throws. Nothing is repeated: a
   * serialization failure (40001) reaches the caller. `TransactionAborted` when `work` caught a statement's error: all of
   * it was rolled back.
   */
  transaction<Result>(
    work: (tx: Transaction) => Promise<Result>,
    options?: TransactionOptions,
  ): Promise<Result>;
  /** Rows one by one, read in batches (500 when left out). Holds a connection until the loop ends, or rests a minute. */
  stream<Row = Record<string, unknown>>(
    text: string,
    params?: readonly unknown[],
    options?: Pick<QueryOptions, "signal"> & { batchSize?: number },
  ): AsyncGenerator<Row, void, undefined>;
};

export type DatabaseOptions = {
  pools: Pools;
  placement: DatabasePlacement;
  /** Runs before every statement; throw to refuse it (suspended, moved, gone). */
  assertUsable?: () => void;
  /** Cancels everything this handle does. */
  signal?: AbortSignal;
};

/** So many connections in a row may turn out not to be fit for another environment, before the caller is told. */
const resetAttempts = 5;

/** Opens an environment's database. It costs nothing until it is used, and needs no closing. */
export function openDatabase(options: DatabaseOptions): Database {
  const { pools, placement, assertUsable = () => undefined } = options;
  const deadlineMs = pools.statementTimeoutMs + 5_000;
  const scopeOf = (own: QueryOptions) => ({
    deadlineMs,
    assertUsable,
    seal: placement.seal,
    level: placement.level,
    signal: eitherSignal(own.signal, options.signal),
    form: own.form,
  });

  async function withLease<Result>(
    signal: AbortSignal | undefined,
    work: (lease: Lease) => Promise<Result>,
  ): Promise<Result> {
    for (let attempt = 1; ; attempt += 1) {
      assertUsable();
      // What needn't be waited for isn't: each turn of the queue of promises costs about as much as all the rest here.
      const lease = pools.leaseReady(placement, { signal }) ?? (await pools.lease(placement, { signal }));
      try {
        return await work(lease);
      } catch (error) {
        if (!(error instanceof SessionNotReset) || attempt === resetAttempts) throw error;
      } finally {
        if (!lease.connection.isReady()) await readyAgain(lease.connection);
        lease.release();
      }
    }
  }

  return {
    query<Row>(text: string, params: readonly unknown[] = [], own: QueryOptions = {}) {
      const scope = scopeOf(own);
      return withLease(scope.signal, async ({ connection }) => {
        const result = await runAlone<Row>(connection, scope, text, params);
        if (isInTransaction(connection)) await refuseTransaction(connection, scope);
        return result;
      });
    },
    transaction(work, own = {}) {
      const scope = scopeOf(own);
      return withLease(scope.signal, ({ connection }) => runTransaction(connection, scope, work, own));
    },
    async *stream<Row>(text: string, params: readonly unknown[] = [], own: Partial<ReadOptions> = {}) {
      const scope = scopeOf(own);
      const read = placement.seal ? readInTransaction<Row> : readInBatches<Row>;
      const prepared = preparedText(scope, text);
      const grouping = placement.seal && groupingOf(placement.seal.databaseId, prepared);
      let sent = grouping?.text ?? prepared;
      for (let attempt = 1; ; attempt += 1) {
        assertUsable();
        const lease = await pools.lease(placement, { signal: scope.signal });
        try {
          if (placement.seal) {
            const sealed = { seal: placement.seal, signal: scope.signal, entry: "enter" } as const;
            sent = await withNames(lease.connection, sealed, sent);
          }
          yield* read(lease.connection, scope, sent, params, own.batchSize ?? 500);
          grouping?.taken();
          return;
        } catch (error) {
          const regrouped = grouping?.again(error);
          if (regrouped !== undefined) {
            sent = regrouped;
            continue;
          }
          if (!(error instanceof SessionNotReset) || attempt === resetAttempts) throw error;
        } finally {
          await readyAgain(lease.connection);
          lease.release();
        }
      }
    },
  };
}
