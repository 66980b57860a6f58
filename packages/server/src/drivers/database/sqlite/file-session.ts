import type { SqliteFile, SqliteValue } from "@tenantry/data";
import { failure } from "../../../kernel/index.ts";

type EngineProcess = Awaited<ReturnType<SqliteFile["ask"]>>["by"];

/** A transaction on a file that goes on statement by statement. */
export type FileTransaction = {
  rows(sql: string): Promise<SqliteValue[][]>;
  /** Runs a statement with the values of each row; answers how many rows it changed. */
  each(sql: string, rows: readonly SqliteValue[][]): Promise<number>;
  /** Reads what there is in parts of some 256 KiB, one ahead. */
  read(sql: string): AsyncGenerator<SqliteValue[][], void, undefined>;
};

/** Foreign keys aren't enforced in one that writes: whoever uses it looks at them himself. */
export type Transactions = <Result>(
  mode: "read" | "write",
  work: (transaction: FileTransaction) => Promise<Result>,
) => Promise<Result>;

const most = { rows: 5_000, bytes: 256 * 1024 };
let cursors = 0;

/**
 * Begins, works, and commits, or leaves everything as it was. A reader sees one moment while others write. It is lost with
 * the process that holds it.
 */
export function openTransactions(file: SqliteFile, signal: AbortSignal | undefined): Transactions {
  return async (mode, work) => {
    const lease = await file.slots.take(mode === "read" ? "reader" : "writer", signal);
    try {
      const held = { on: await begin(file, { mode, slot: lease.slot, signal }), slot: lease.slot, signal };
      try {
        const transaction = onProcess(file, held);
        const result = await work(transaction);
        await transaction.rows("commit");
        return result;
      } finally {
        await end(file, held);
      }
    } finally {
      lease.release();
    }
  };
}

type Begin = { mode: "read" | "write"; slot: string; signal: AbortSignal | undefined };

/** Answers the process in which it stands, which is kept for it. */
async function begin(file: SqliteFile, { mode, slot, signal }: Begin): Promise<EngineProcess> {
  async function tell(sql: string, on?: EngineProcess) {
    const request = { op: "run" as const, file: file.engineFile, slot, sql, values: [], maxBytes: 1_000 };
    const { reply, by } = await file.patiently({ signal }, () =>
      file.ask({ ...request, version: file.version }, { on, signal }, on === undefined),
    );
    if ("stale" in reply) file.learn(reply.stale);
    return { by, isDone: !("stale" in reply) };
  }
  for (;;) {
    // Keys can be set aside outside of a transaction alone.
    const { by, isDone } = await tell("pragma foreign_keys = off");
    let begun = false;
    try {
      begun = isDone && (await tell(mode === "read" ? "begin" : "begin immediate", by)).isDone;
      if (begun) return by;
    } finally {
      if (!begun) await end(file, { on: by, slot, signal });
    }
  }
}

/** What wasn't committed goes, and so does the connection: a cursor that wasn't read to its end holds on to its moment. */
async function end(file: SqliteFile, { on, slot }: Held): Promise<void> {
  const { key, engineFile, version } = file;
  const back = { op: "run" as const, file: engineFile, slot, sql: "rollback", values: [], maxBytes: 1_000 };
  // Where it was committed, or SQLite took it back by itself, there is none, and it says so.
  if (!on.gone) await file.ask({ ...back, version }, { on }).catch(() => undefined);
  if (!on.gone) await file.ask({ op: "release slot", key, slot }, { on }).catch(() => undefined);
  on.unpin(key);
}

type Held = { on: EngineProcess; slot: string; signal: AbortSignal | undefined };

function onProcess(file: SqliteFile, { on, slot, signal }: Held): FileTransaction {
  const ask = async (request: Parameters<SqliteFile["ask"]>[0]) => {
    const { reply } = await file.ask(request, { on, signal });
    if (!("stale" in reply)) return reply;
    throw failure("unavailable", { detail: "The database is being migrated." });
  };
  const at = () => ({ file: file.engineFile, slot, version: file.version, within: true });
  return {
    rows: async (sql) =>
      (await ask({ op: "run", ...at(), sql, values: [], maxBytes: Number.POSITIVE_INFINITY })).rows,
    each: async (sql, rows) => (await ask({ op: "run each", ...at(), sql, rows })).changes,
    async *read(sql) {
      cursors += 1;
      const cursor = cursors;
      await ask({ op: "open cursor", ...at(), sql, values: [], cursor });
      const fetch = () =>
        ask({
          op: "fetch",
          cursor,
          count: most.rows,
          maxBytes: Number.POSITIVE_INFINITY,
          enoughBytes: most.bytes,
        });
      let next = fetch();
      try {
        for (;;) {
          const { rows } = await next;
          if (rows.length === 0) return;
          next = fetch();
          yield rows;
        }
      } finally {
        await next.catch(() => undefined);
        if (!on.gone) await ask({ op: "close cursor", cursor });
      }
    },
  };
}
