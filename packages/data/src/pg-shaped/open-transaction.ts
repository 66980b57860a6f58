import type { Database, Transaction } from "../database/index.ts";
import type { TransactionWish } from "./verbs.ts";

/** A transaction that ends when it is told to, instead of when a function returns. */
export type OpenTransaction = {
  readonly transaction: Transaction;
  /** Throws `TransactionAborted` when a statement in it had failed: all of it was rolled back. */
  commit(): Promise<void>;
  rollBack(): Promise<void>;
};

class RolledBack extends Error {}

/** Opens a transaction. It holds a connection until it is ended. */
export function openTransaction(database: Database, wish: TransactionWish): Promise<OpenTransaction> {
  const opened = Promise.withResolvers<OpenTransaction>();
  const end = Promise.withResolvers<void>();
  const over = database.transaction(async (transaction) => {
    opened.resolve({
      transaction,
      async commit() {
        end.resolve();
        await over;
      },
      async rollBack() {
        end.reject(new RolledBack());
        await over.catch((error: unknown) => {
          if (!(error instanceof RolledBack)) throw error;
        });
      },
    });
    await end.promise;
  }, wish);
  // Before it is open, whoever asked for it is told; afterwards whoever ends it.
  over.catch(opened.reject);
  return opened.promise;
}
