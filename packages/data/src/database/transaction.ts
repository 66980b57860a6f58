import { InvalidArgument, TransactionAborted } from "../errors.ts";
import type { Connection } from "../pools/index.ts";
import type { RowForm } from "../wire/rows.ts";
import { eitherSignal, preparedText, type QueryRows, runStatement, type Scope } from "./statement.ts";

export type TransactionIsolation = "read committed" | "repeatable read" | "serializable";

export type Transaction = {
  /** One statement in the transaction; several at once run one after another. Throws once the transaction is over. */
  query<Row = Record<string, unknown>>(
    text: string,
    params?: readonly unknown[],
    options?: { signal?: AbortSignal; form?: RowForm },
  ): Promise<QueryRows<Row>>;
};

const isolations: readonly string[] = ["read committed", "repeatable read", "serializable"];

/** Begins, works, and commits or rolls back. The connection is outside any transaction afterwards, or broken. */
export async function runTransaction<Result>(
  connection: Connection,
  scope: Scope,
  work: (tx: Transaction) => Promise<Result>,
  options: { isolation?: TransactionIsolation; readOnly?: boolean },
): Promise<Result> {
  const { isolation = "read committed", readOnly = false } = options;
  if (!isolations.includes(isolation))
    throw new InvalidArgument(`${isolation} is no isolation of transactions.`);
  const session = startSession(connection, scope);
  try {
    await begin(connection, scope, `begin isolation level ${isolation}${readOnly ? " read only" : ""}`);
    const result = await work(session.transaction);
    await session.end();
    const { command } = await runStatement(connection, scope, "commit", []);
    // PostgreSQL answers a COMMIT after a failed statement with ROLLBACK, and no error.
    if (command !== "COMMIT") throw new TransactionAborted();
    return result;
  } catch (error) {
    await session.end();
    await rollBack(connection, scope);
    throw error;
  }
}

/** Opens a transaction, and at the level `shared` its environment in the same message. */
export async function begin(connection: Connection, scope: Scope, text: string): Promise<void> {
  await runStatement(connection, scope, text, [], "begin");
}

type OwnOptions = { signal?: AbortSignal; form?: RowForm };

type Session = {
  transaction: Transaction;
  /** Takes no more statements; resolves when the last one is through. */
  end(): Promise<void>;
};

function startSession(connection: Connection, scope: Scope): Session {
  let last: Promise<unknown> = Promise.resolve();
  let over = false;

  async function run<Row>(text: string, params: readonly unknown[], given: OwnOptions) {
    const own = { ...scope, signal: eitherSignal(given.signal, scope.signal), form: given.form };
    const result = await runStatement<Row>(connection, own, preparedText(scope, text), params);
    if (connection.client.getTransactionStatus() === "I") {
      over = true;
      throw new InvalidArgument("A transaction is ended by returning or throwing, not with a statement.");
    }
    return result;
  }

  return {
    transaction: {
      query<Row>(text: string, params: readonly unknown[] = [], options: OwnOptions = {}) {
        const turn = async () => {
          if (over) throw new InvalidArgument("The transaction is over.");
          return run<Row>(text, params, options);
        };
        const result = last.then(turn, turn);
        last = result;
        return result;
      },
    },
    async end() {
      await last.catch(() => undefined);
      over = true;
    },
  };
}

export async function rollBack(connection: Connection, scope: Scope): Promise<void> {
  if (connection.isBroken() || connection.client.getTransactionStatus() === "I") return;
  try {
    await runStatement(
      connection,
      { ...scope, signal: undefined, assertUsable: () => undefined },
      "rollback",
      [],
    );
  } catch {
    // The server rolls back what it can't talk about any more; the caller gets the error that came first.
    connection.abandon();
  }
}
