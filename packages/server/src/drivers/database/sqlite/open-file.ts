import Libsql from "libsql";
import { failure } from "../../../kernel/index.ts";

/** A file that is open, for as long as one piece of work takes. */
export type OpenFile = {
  run(sql: string, values?: readonly unknown[]): Promise<void>;
  rows<Row>(sql: string, values?: readonly unknown[]): Promise<Row[]>;
  /** Ends a transaction, if there is one, without a trace. */
  rollBack(): Promise<void>;
};

/** How long to wait for somebody else who writes; milliseconds. */
const patienceMs = 10_000;

/** What libsql's types leave out. */
type Connection = {
  readonly inTransaction: boolean;
  exec(sql: string): void;
  prepare(sql: string): {
    run(...values: readonly unknown[]): void;
    all(...values: readonly unknown[]): unknown[];
  };
  close(): void;
};
const open = Libsql as unknown as new (path: string, options: object) => Connection;

/**
 * Opens a file, and closes it when the work is done. Throws `environment_unavailable` when it is damaged, or encrypted with
 * another key.
 */
export async function withFile<Result>(
  { path, encryptionKey }: { path: string; encryptionKey?: string | undefined },
  work: (file: OpenFile) => Promise<Result>,
): Promise<Result> {
  const encryption = encryptionKey === undefined ? {} : { encryptionCipher: "aes256cbc", encryptionKey };
  const connection = new open(path, { timeout: patienceMs, ...encryption });
  try {
    return await work({
      async run(sql, values) {
        if (values) connection.prepare(sql).run(...values);
        else connection.exec(sql);
      },
      rows: async <Row>(sql: string, values: readonly unknown[] = []) =>
        connection.prepare(sql).all(...values) as Row[],
      async rollBack() {
        if (connection.inTransaction) connection.exec("rollback");
      },
    });
  } catch (error) {
    throw isDamaged(error) ? damaged(error) : error;
  } finally {
    connection.close();
  }
}

const codeOf = (error: unknown): string => (error as { code?: string }).code ?? "";

export const isBusy = (error: unknown): boolean => codeOf(error).startsWith("SQLITE_BUSY");
const isDamaged = (error: unknown): boolean => /^SQLITE_(?:CORRUPT|NOTADB)/.test(codeOf(error));

/** Whether a statement itself is to blame. */
export const isOfStatement = (error: unknown): boolean =>
  /^SQLITE_(?:ERROR|CONSTRAINT|MISMATCH|TOOBIG|RANGE)/.test(codeOf(error));

/** One file is closed by that; its neighbours aren't concerned. */
function damaged(cause: unknown): Error {
  return failure(
    "environment_unavailable",
    {
      detail: "The environment's SQLite file is damaged, or encrypted with another key.",
      remedy: "Put a backup in its place; `tenantry isolation verify` says what is wrong with it.",
    },
    { cause },
  );
}
