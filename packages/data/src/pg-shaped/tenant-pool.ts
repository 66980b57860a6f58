import pg from "pg";
import type { Database } from "../database/index.ts";
import { type PgQuery, type PgResult, readStatement, TenantClient } from "./client.ts";

export type { PgQuery, PgResult, TenantClient } from "./client.ts";

/**
 * What looks like a pool of pg's, for libraries that take one (Kysely, Drizzle, Prisma's adapter): each statement goes
 * to the database of the environment that holds when it is run; a client stays with the one for which it was taken. Its
 * own class alone is pg's (libraries look at that): it never opens a connection, and `end` closes nothing.
 */
export class TenantPool extends pg.Pool {
  readonly #current: () => Database;

  constructor(current: () => Database) {
    super({ max: 1 });
    this.#current = current;
  }

  // pg's overloads are many; libraries use these.
  override query = (async (query: PgQuery, values?: readonly unknown[]): Promise<PgResult> => {
    const { text, values: given, form } = readStatement(query, values);
    return { ...(await this.#current().query(text, given, { form })), oid: 0 };
  }) as unknown as pg.Pool["query"];

  override connect = (async () => new TenantClient(this.#current())) as unknown as pg.Pool["connect"];

  override end = (async () => undefined) as unknown as pg.Pool["end"];
}
