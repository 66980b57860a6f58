import Cursor from "pg-cursor";
import { InvalidArgument } from "../errors.ts";
import type { Connection } from "../pools/index.ts";
import { typesWithoutHidden, withoutHidden } from "../wire/hidden-column.ts";
import { interruptible, runStatement, type Scope } from "./statement.ts";
import { begin, rollBack } from "./transaction.ts";

export type ReadOptions = { signal: AbortSignal; batchSize: number };

const maxRestMs = 60_000;

/** Reads a statement's rows through a portal, a batch a round trip, outside any transaction of its own. */
export async function* readInBatches<Row>(
  connection: Connection,
  scope: Scope,
  text: string,
  params: readonly unknown[],
  batchSize: number,
): AsyncGenerator<Row, void, undefined> {
  if (!Number.isInteger(batchSize) || batchSize < 1 || batchSize > 10_000) {
    throw new InvalidArgument("A batch has 1 to 10,000 rows.");
  }
  const cursor = connection.client.query(
    new Cursor<Row>(text, [...params], scope.seal && { types: typesWithoutHidden }),
  );
  let open = true;
  try {
    for (;;) {
      const rows = await interruptible(connection, scope, () => cursor.read(batchSize)).catch((error) => {
        open = false;
        throw error;
      });
      if (rows.length < batchSize) open = false;
      yield* restAtMost(connection, rows);
      if (!open) return;
      scope.assertUsable();
    }
  } finally {
    // Not awaited: on a line that broke meanwhile it never answers. Whoever holds the lease waits until it is ready.
    if (open) void cursor.close();
  }
}

/** The same at the level `shared`: a context lasts as long as a transaction, so there is one. */
export async function* readInTransaction<Row>(
  connection: Connection,
  scope: Scope,
  text: string,
  params: readonly unknown[],
  batchSize: number,
): AsyncGenerator<Row, void, undefined> {
  let failed = true;
  try {
    await begin(connection, scope, "begin");
    for await (const row of readInBatches<Row>(connection, scope, text, params, batchSize)) {
      failed = false;
      yield withoutHidden(row);
      failed = true;
    }
    failed = false;
  } finally {
    // A loop that ends early is no failure: what the statement wrote stays, as it does without a transaction.
    if (failed || connection.isBroken()) await rollBack(connection, scope);
    else
      await runStatement(
        connection,
        { ...scope, signal: undefined, assertUsable: () => undefined },
        "commit",
        [],
      );
  }
}

// A reader that stops half-way without ending its loop would hold the connection for ever.
async function* restAtMost<Row>(connection: Connection, rows: Row[]): AsyncGenerator<Row, void, undefined> {
  const timer = setTimeout(() => connection.abandon(), maxRestMs);
  timer.unref();
  try {
    yield* rows;
  } finally {
    clearTimeout(timer);
  }
}
