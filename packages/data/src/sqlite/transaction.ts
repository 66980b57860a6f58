import type { QueryOptions, QueryRows, Transaction, TransactionOptions } from "../database/index.ts";
import { eitherSignal } from "../database/statement.ts";
import { InvalidArgument, TransactionAborted } from "../errors.ts";
import { type Moment, readResult } from "./bind.ts";
import type { EngineProcess } from "./engine/index.ts";
import { asDatabaseError } from "./failures.ts";
import type { SqliteFile } from "./file.ts";
import { wrong } from "./sql/refusal.ts";

export type Scope = { signal: AbortSignal | undefined; assertUsable(): void; timeoutMs: number };

/**
 * Begins, works, and commits or rolls back. A transaction that may write is alone in doing so from its beginning, so it
 * never fails for another's sake; after an error in it, nothing more is done until it is rolled back, as in PostgreSQL.
 */
export async function runTransaction<Result>(
  file: SqliteFile,
  scope: Scope,
  work: (tx: Transaction) => Promise<Result>,
  { isolation = "read committed", readOnly = false }: TransactionOptions,
): Promise<Result> {
  if (!["read committed", "repeatable read", "serializable"].includes(isolation)) {
    throw new InvalidArgument(`${isolation} is no isolation of transactions.`);
  }
  scope.assertUsable();
  const lease = await file.slots.take(readOnly ? "reader" : "writer", scope.signal);
  try {
    const open = new OpenTransaction(file, lease.slot, scope, { readOnly, isolation });
    return await open.through(work);
  } finally {
    lease.release();
  }
}

class OpenTransaction {
  readonly #file: SqliteFile;
  readonly #slot: string;
  readonly #scope: Scope;
  readonly #readOnly: boolean;
  readonly #moment: Moment;
  #on: EngineProcess | undefined;
  #last: Promise<unknown> = Promise.resolve();
  #over = false;
  /** A statement failed: all that follows is refused until it is rolled back, or to a savepoint. */
  #failed = false;
  #rest: NodeJS.Timeout | undefined;

  constructor(
    file: SqliteFile,
    slot: string,
    scope: Scope,
    { readOnly, isolation }: { readOnly: boolean; isolation: string },
  ) {
    this.#file = file;
    this.#slot = slot;
    this.#scope = scope;
    this.#readOnly = readOnly;
    this.#moment = { now: new Date(), isolation };
  }

  async through<Result>(work: (tx: Transaction) => Promise<Result>): Promise<Result> {
    const expired = Promise.withResolvers<never>();
    expired.promise.catch(() => undefined);
    try {
      await this.#begin();
      const rest = (): void => {
        clearTimeout(this.#rest);
        const message = "terminating the transaction due to idle-in-transaction timeout";
        this.#rest = setTimeout(
          () => expired.reject(asDatabaseError(wrong("25P03", message), undefined)),
          this.#file.limits.restMs,
        );
      };
      rest();
      const result = await Promise.race([
        work({ query: (...given) => this.#query(...given, rest) }),
        expired.promise,
      ]);
      await this.#end();
      this.#scope.assertUsable();
      this.#scope.signal?.throwIfAborted();
      if (this.#failed) throw new TransactionAborted();
      await this.#control("commit");
      return result;
    } catch (error) {
      await this.#end();
      await this.#rollBack();
      throw error;
    } finally {
      clearTimeout(this.#rest);
      this.#on?.unpin(this.#file.key);
      await this.#releaseReader();
    }
  }

  async #begin(): Promise<void> {
    const sql = this.#readOnly ? "begin" : "begin immediate";
    const { engineFile: file } = this.#file;
    const { signal, timeoutMs } = this.#scope;
    const request = {
      op: "run" as const,
      file,
      slot: this.#slot,
      sql,
      values: [],
      version: undefined,
      maxBytes: 0,
    };
    if (this.#file.version === undefined) await this.#file.translate("select 1", { signal, timeoutMs });
    for (;;) {
      const version = this.#file.version;
      const { reply, by } = await this.#file.patiently({ signal }, () =>
        this.#file.ask({ ...request, version }, { signal, timeoutMs }, true),
      );
      this.#on = by;
      if (!("stale" in reply)) return;
      by.unpin(this.#file.key);
      this.#on = undefined;
      this.#file.learn(reply.stale);
    }
  }

  #query<Row>(text: string, ...rest: unknown[]): Promise<QueryRows<Row>> {
    const stay = rest.pop() as () => void;
    const [params = [], options = {}] = rest as [(readonly unknown[])?, QueryOptions?];
    const turn = async (): Promise<QueryRows<Row>> => {
      if (this.#over) throw new InvalidArgument("The transaction is over.");
      clearTimeout(this.#rest);
      try {
        return await this.#run<Row>(text, params, options);
      } finally {
        if (!this.#over) stay();
      }
    };
    const result = this.#last.then(turn, turn);
    this.#last = result;
    return result;
  }

  async #run<Row>(
    text: string,
    params: readonly unknown[],
    { signal, form }: QueryOptions,
  ): Promise<QueryRows<Row>> {
    this.#scope.assertUsable();
    const own = {
      signal: eitherSignal(signal, this.#scope.signal),
      on: this.#on,
      slot: this.#slot,
      timeoutMs: this.#scope.timeoutMs,
    };
    own.signal?.throwIfAborted();
    try {
      const { savepoint, reads } = await this.#file.translate(text, own);
      if (this.#failed && savepoint !== "roll back") {
        throw asDatabaseError(
          wrong("25P02", "current transaction is aborted, commands ignored until end of transaction block"),
          undefined,
        );
      }
      if (!reads && this.#readOnly) {
        throw asDatabaseError(wrong("25006", "cannot change rows in a read-only transaction"), undefined);
      }
      const { translated, answer } = await this.#file.run(text, params, {
        ...own,
        slot: this.#slot,
        moment: this.#moment,
        within: true,
      });
      if (savepoint === "roll back") this.#failed = false;
      return readResult<Row>(translated, answer, form);
    } catch (error) {
      if (!(error instanceof InvalidArgument)) this.#failed = true;
      throw error;
    }
  }

  async #end(): Promise<void> {
    await this.#last.catch(() => undefined);
    this.#over = true;
    clearTimeout(this.#rest);
  }

  async #control(sql: string): Promise<void> {
    const request = {
      op: "run" as const,
      file: this.#file.engineFile,
      slot: this.#slot,
      sql,
      values: [],
      version: this.#file.version,
      maxBytes: 0,
    };
    await this.#file.patiently({}, () =>
      this.#file.ask(request, { on: this.#on, timeoutMs: this.#scope.timeoutMs }),
    );
  }

  async #rollBack(): Promise<void> {
    if (!this.#on || this.#on.gone) return;
    // SQLite may have rolled back by itself; then there is none, and it says so.
    await this.#control("rollback").catch(() => undefined);
  }

  async #releaseReader(): Promise<void> {
    if (this.#slot === "writer" || !this.#on || this.#on.gone) return;
    const request = { op: "release slot" as const, key: this.#file.key, slot: this.#slot };
    await this.#file.ask(request, { on: this.#on }).catch(() => undefined);
  }
}
