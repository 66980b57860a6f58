import { describe, expect, it } from "vitest";
import { testPostgres } from "../../testing/postgres.ts";
import { createDb, inTransaction, isConnectionFailure, sql } from "./index.ts";

const withCode = (code: string, message = "x") => Object.assign(new Error(message), { code });

describe("a registry that is away", () => {
  it.each(["ECONNREFUSED", "EPIPE", "ENOTFOUND", "08006", "57P01", "57P03", "53300"])(
    "is known by %s",
    (code) => {
      expect(isConnectionFailure(withCode(code))).toBe(true);
    },
  );

  it.each([
    "Connection terminated unexpectedly",
    "timeout exceeded when trying to connect",
    "timeout expired",
  ])("is known by %j", (text) => {
    expect(isConnectionFailure(new Error(text))).toBe(true);
  });

  it("is known by what a transaction says whose connection it lost", async () => {
    await using postgres = await testPostgres();
    const db = createDb({ url: postgres.url, applicationName: "test", maxConnections: 2 });
    try {
      const lost = inTransaction(db, async (tx) => {
        const { rows } = await sql<{ id: number }>`select pg_backend_pid() as id`.execute(tx);
        await sql`select pg_terminate_backend(${rows[0]!.id})`.execute(db);
        await sql`select 1`.execute(tx);
      });
      expect(isConnectionFailure(await lost.catch((error: unknown) => error))).toBe(true);
    } finally {
      await db.destroy();
    }
  });

  it.each([
    withCode("23505"),
    withCode("42601"),
    withCode("57014"),
    new Error("x"),
    undefined,
    "ECONNREFUSED",
  ])("isn't meant by %s", (error) => {
    expect(isConnectionFailure(error)).toBe(false);
  });
});
