import { createSqliteHandles, type SqliteHandles } from "@tenantry/data";
import { failure } from "../../../kernel/index.ts";
import { openTransactions, type Transactions } from "./file-session.ts";

/** A file that is open, for as long as one piece of work takes. Statements are SQLite's own, and written by us. */
export type OpenFile = {
  /** The schema as PostgreSQL would know it. */
  readonly schema: NonNullable<ReturnType<SqliteHandles["file"]>["schema"]>;
  rows(sql: string): Promise<unknown[][]>;
  /** All or nothing; foreign keys are looked at in the end. */
  script(statements: readonly string[]): Promise<void>;
  /** Statement by statement, in one transaction. */
  transaction: Transactions;
};

/** A file, and the key that it is encrypted with. */
export type FilePlace = { path: string; encryptionKey?: string | undefined };

/** Works on a file in a process of its own, which can be ended without harm to what was committed. */
export type Files = <Result>(
  place: FilePlace & { create?: boolean; signal?: AbortSignal },
  work: (file: OpenFile) => Promise<Result>,
) => Promise<Result>;

/** No migration takes longer; milliseconds. */
const mostMs = 900_000;
const lockTimeoutMs = 10_000;
const answerBytes = 16 * 1_024 * 1_024;

/**
 * Opens files. Throws `environment_unavailable` for one that is damaged, or encrypted with another key. Its processes are
 * started when they are needed, and end when they weren't for a while, or with this one.
 */
export function createFiles(): Files {
  let handles: SqliteHandles | undefined;
  /** How many are at work on each file: the last one closes it, since that ends all transactions there. */
  const users = new Map<string, number>();
  return async ({ path, encryptionKey, create = false, signal }, work) => {
    // A migration waits for rows that are being put in, however many.
    const limits = { statementTimeoutMs: mostMs, waitTimeoutMs: mostMs, lockTimeoutMs };
    handles ??= createSqliteHandles({ ...limits, maxProcesses: 2 });
    const place = { file: path, encryptionKey };
    const file = handles.file(place);
    users.set(file.key, (users.get(file.key) ?? 0) + 1);
    try {
      await (create ? file.make() : file.refresh({ signal }));
      return await work({
        get schema() {
          return file.schema!;
        },
        rows: (sql) => readRows(file, sql, signal),
        async script(statements) {
          // Another one may have changed the schema since it was read.
          while (!(await file.script(statements, { signal })));
        },
        transaction: openTransactions(file, signal),
      });
    } catch (error) {
      throw isDamaged(error) ? damaged(error) : error;
    } finally {
      const others = users.get(file.key)! - 1;
      users.set(file.key, others);
      if (others === 0) {
        users.delete(file.key);
        await handles.closeFile(place);
      }
    }
  };
}

async function readRows(
  file: ReturnType<SqliteHandles["file"]>,
  sql: string,
  signal: AbortSignal | undefined,
): Promise<unknown[][]> {
  const lease = await file.slots.take("writer", signal);
  try {
    for (;;) {
      const { engineFile, version } = file;
      const request = { op: "run" as const, file: engineFile, slot: lease.slot, sql, values: [], version };
      const { reply } = await file.patiently({ signal }, () =>
        file.ask({ ...request, maxBytes: answerBytes }, { signal }),
      );
      if ("rows" in reply) return reply.rows;
      file.learn(reply.stale);
    }
  } finally {
    lease.release();
  }
}

/** By its name, as errors of the data path are told apart. */
function isDamaged(error: unknown): boolean {
  const { name, cause } = error as { name?: string; cause?: { code?: string } };
  if (name === "EncryptionKeyRefused") return true;
  return name === "DatabaseUnavailable" && /^SQLITE_(?:CORRUPT|NOTADB)/.test(cause?.code ?? "");
}

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
