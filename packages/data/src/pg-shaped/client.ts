import { EventEmitter } from "node:events";
import type { Database, RowForm } from "../database/index.ts";
import type { QueryRows } from "../database/statement.ts";
import { InvalidArgument } from "../errors.ts";
import { type OpenTransaction, openTransaction } from "./open-transaction.ts";
import { readVerb, type TransactionWish } from "./verbs.ts";

/** A statement as pg takes it: a text, or a text with what belongs to it. A `name` is of no use, and no harm. */
export type PgQuery = string | (RowForm & { text: string; values?: readonly unknown[] });

/** Answers as pg does. */
export type PgResult = QueryRows<unknown> & { oid: number };

/**
 * What looks like a connection of pg's, and is one environment's database: BEGIN, COMMIT and ROLLBACK become a
 * transaction of the data path; between them there is no connection held.
 */
export class TenantClient extends EventEmitter {
  readonly #database: Database;
  #wish: TransactionWish | undefined;
  #open: OpenTransaction | undefined;
  #released = false;

  constructor(database: Database) {
    super();
    this.#database = database;
  }

  /** Runs one statement. Throws `InvalidArgument` for callbacks and cursors: read long answers by `stream`. */
  async query(query: PgQuery, values?: readonly unknown[]): Promise<PgResult> {
    const statement = readStatement(query, values);
    if (this.#released) throw new InvalidArgument("The client was released: take another one by connect().");
    const verb = readVerb(statement.text);
    switch (verb.kind) {
      case "begin":
        return this.#begin(verb.wish);
      case "set transaction":
        if (!this.#wish || this.#open) return this.#run(statement);
        Object.assign(this.#wish, verb.wish);
        return nothing("SET");
      case "commit":
        return this.#commit();
      case "rollback":
        await this.#rollBack();
        return nothing("ROLLBACK");
      default:
        return this.#run(statement);
    }
  }

  /** Gives it back. A transaction that is open is rolled back. Repeatable. */
  release(): void {
    this.#released = true;
    // Whoever lets go of a client in the middle of a transaction has an error of its own already.
    this.#rollBack().catch((error: Error) => {
      if (this.listenerCount("error") > 0) this.emit("error", error);
    });
  }

  async #run({ text, values, form }: Statement): Promise<PgResult> {
    // Not before its first statement: until then it can still be told how to isolate.
    if (this.#wish && !this.#open) this.#open = await openTransaction(this.#database, this.#wish);
    const place = this.#open?.transaction ?? this.#database;
    return { ...(await place.query(text, values, { form })), oid: 0 };
  }

  #begin(wish: TransactionWish): PgResult {
    if (this.#wish) throw new InvalidArgument("There is a transaction already on this client.");
    this.#wish = wish;
    return nothing("BEGIN");
  }

  async #commit(): Promise<PgResult> {
    const open = this.#open;
    this.#forget();
    await open?.commit();
    return nothing("COMMIT");
  }

  async #rollBack(): Promise<void> {
    const open = this.#open;
    this.#forget();
    await open?.rollBack();
  }

  #forget(): void {
    this.#wish = undefined;
    this.#open = undefined;
  }
}

type Statement = { text: string; values: readonly unknown[]; form: RowForm };

export function readStatement(query: PgQuery, values?: readonly unknown[]): Statement {
  const config = typeof query === "string" ? { text: query } : query;
  if (
    typeof config !== "object" ||
    config === null ||
    typeof config.text !== "string" ||
    "submit" in config
  ) {
    throw new InvalidArgument(
      "A statement is a text, or an object with one; cursors are replaced by stream().",
    );
  }
  if (values !== undefined && !Array.isArray(values)) {
    throw new InvalidArgument("Values are an array; answers come by promise, not by callback.");
  }
  const { rowMode, types } = config;
  const form = { ...(rowMode === "array" && { rowMode }), ...(types && { types }) };
  return { text: config.text, values: values ?? config.values ?? [], form };
}

function nothing(command: string): PgResult {
  return { command, rowCount: 0, rows: [], fields: [], oid: 0 };
}
