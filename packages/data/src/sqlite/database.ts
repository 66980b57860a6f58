import type { Database, QueryOptions } from "../database/index.ts";
import { eitherSignal } from "../database/statement.ts";
import { DatabaseUnavailable, InvalidArgument } from "../errors.ts";
import { readResult, readRows } from "./bind.ts";
import { asDatabaseError } from "./failures.ts";
import type { SqliteFile } from "./file.ts";
import { wrong } from "./sql/refusal.ts";
import { runTransaction, type Scope } from "./transaction.ts";

export type SqliteDatabaseOptions = {
  /** The file, looked up anew at each use. */
  file(): SqliteFile;
  /** Runs before every statement; throw to refuse it. */
  assertUsable?: (() => void) | undefined;
  /** Cancels everything this handle does. */
  signal?: AbortSignal | undefined;
  /** No statement may take longer, whatever the handles allow. */
  statementTimeoutMs?: number | undefined;
};

let cursors = 0;

const alone = () => ({ now: new Date(), isolation: "read committed" });

/** An environment's database that is a file: the same promises as those of a database of PostgreSQL's. */
export function databaseOf(options: SqliteDatabaseOptions): Database {
  const { assertUsable = () => undefined } = options;
  const scopeOf = (file: SqliteFile, signal: AbortSignal | undefined): Scope => ({
    assertUsable,
    signal: eitherSignal(signal, options.signal),
    timeoutMs: Math.min(
      options.statementTimeoutMs ?? Number.POSITIVE_INFINITY,
      file.limits.statementTimeoutMs,
    ),
  });

  async function query<Row>(text: string, params: readonly unknown[] = [], own: QueryOptions = {}) {
    assertUsable();
    const file = options.file();
    const scope = scopeOf(file, own.signal);
    scope.signal?.throwIfAborted();
    const { reads, savepoint } = await file.translate(text, scope);
    if (savepoint)
      throw asDatabaseError(wrong("25P01", "SAVEPOINT can only be used in transaction blocks"), undefined);
    if (!reads && file.place.readOnly)
      throw asDatabaseError(wrong("25006", "cannot change rows: the file is read only"), undefined);
    const lease = await file.slots.take(
      reads ? (file.place.readOnly ? "reader" : "any") : "writer",
      scope.signal,
    );
    try {
      assertUsable();
      const { translated, answer } = await file.run(text, params, {
        ...scope,
        slot: lease.slot,
        moment: alone(),
      });
      return readResult<Row>(translated, answer, own.form);
    } finally {
      lease.release();
    }
  }

  return {
    query,
    transaction: (work, own = {}) => {
      const file = options.file();
      return runTransaction(file, scopeOf(file, own.signal), work, {
        ...own,
        readOnly: own.readOnly || (file.place.readOnly ?? false),
      });
    },
    async *stream<Row>(
      text: string,
      params: readonly unknown[] = [],
      own: QueryOptions & { batchSize?: number } = {},
    ) {
      const { batchSize = 500 } = own;
      if (!Number.isInteger(batchSize) || batchSize < 1 || batchSize > 10_000) {
        throw new InvalidArgument("A batch has 1 to 10,000 rows.");
      }
      assertUsable();
      const file = options.file();
      const scope = scopeOf(file, own.signal);
      const { reads, columns } = await file.translate(text, scope);
      if (reads && columns) yield* readInBatches<Row>(file, scope, text, params, batchSize);
      else yield* (await query<Row>(text, params, own)).rows;
    },
  };
}

async function* readInBatches<Row>(
  file: SqliteFile,
  scope: Scope,
  text: string,
  params: readonly unknown[],
  batchSize: number,
): AsyncGenerator<Row, void, undefined> {
  const lease = await file.slots.take("reader", scope.signal);
  cursors += 1;
  const cursor = cursors;
  let expired = false;
  try {
    const { translated, by } = await file.run(text, params, {
      ...scope,
      slot: lease.slot,
      moment: alone(),
      pin: true,
      cursor,
    });
    const close = async (): Promise<void> => {
      if (by.gone) return;
      await file.ask({ op: "close cursor", cursor }, { on: by }).catch(() => undefined);
      await file
        .ask({ op: "release slot", key: file.key, slot: lease.slot }, { on: by })
        .catch(() => undefined);
    };
    try {
      for (;;) {
        if (expired) throw new DatabaseUnavailable("The reader rested for too long.");
        const request = { op: "fetch" as const, cursor, count: batchSize, maxBytes: file.limits.answerBytes };
        const { reply } = await file.ask(request, { ...scope, on: by });
        const rows = "rows" in reply ? reply.rows : [];
        const timer = setTimeout(() => {
          expired = true;
          void close();
        }, file.limits.restMs);
        try {
          yield* readRows<Row>(translated, rows, undefined);
        } finally {
          clearTimeout(timer);
        }
        if (rows.length < batchSize) return;
        scope.assertUsable();
      }
    } finally {
      if (!expired) await close();
      by.unpin(file.key);
    }
  } finally {
    lease.release();
  }
}
