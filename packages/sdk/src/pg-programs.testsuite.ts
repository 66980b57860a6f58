import { PrismaPg } from "@prisma/adapter-pg";
import { sql as drizzleSql, eq } from "drizzle-orm";
import { drizzle } from "drizzle-orm/node-postgres";
import { bigint, pgTable, text, timestamp } from "drizzle-orm/pg-core";
import { type Generated, Kysely, PostgresDialect } from "kysely";
import type pg from "pg";
import { beforeEach, expect, test } from "vitest";
import type { Tenantry } from "./tenantry.ts";

/** What the programs of `testPgPrograms` keep. */
export const notesMigration = `
  create table notes (
    id bigint generated always as identity primary key,
    slug text not null unique,
    body text not null,
    written_at timestamptz not null default '2026-01-02 03:04:05+00'
  )`;

type Schema = { notes: { id: Generated<string>; slug: string; body: string; written_at: Generated<Date> } };

const notes = pgTable("notes", {
  id: bigint("id", { mode: "number" }).generatedAlwaysAsIdentity().primaryKey(),
  slug: text("slug").notNull().unique(),
  body: text("body").notNull(),
  writtenAt: timestamp("written_at", { withTimezone: true }).notNull().defaultNow(),
});

/** Ids of two environments with empty notes, of which no one may see the other's. */
type Stage = { tenantry: Tenantry; pool: pg.Pool; acme: string; other: string };

/** The same programs, written for pg, Kysely, Drizzle and Prisma, wherever the environments' databases are. */
export function testPgPrograms(stage: () => Stage): void {
  let pool: pg.Pool;
  let acme: string;
  let other: string;
  const in_ = <Result>(environment: string, work: () => Promise<Result>) =>
    stage().tenantry.run(environment, () => work());

  beforeEach(async () => {
    ({ pool, acme, other } = stage());
    for (const one of [acme, other]) await in_(one, () => pool.query("delete from notes"));
  });

  test("a program written for pg works, its transactions too", async () => {
    const seen = await in_(acme, async () => {
      await pool.query("insert into notes (slug, body) values ($1, $2)", ["a", "one"]);
      const client = await pool.connect();
      try {
        await client.query("BEGIN");
        await client.query("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE");
        const { rows } = await client.query("show transaction_isolation");
        expect(rows).toEqual([{ transaction_isolation: "serializable" }]);
        await client.query({ text: "update notes set body = $1", values: ["two"] });
        await client.query("savepoint before");
        await client.query("delete from notes");
        await client.query("rollback to savepoint before");
        await client.query("COMMIT");
        await client.query("begin");
        await client.query("delete from notes");
        await client.query("rollback");
      } finally {
        client.release();
      }
      return pool.query({ text: "select * from notes", rowMode: "array" });
    });
    expect(seen.rows).toEqual([
      [expect.stringMatching(/^\d+$/), "a", "two", new Date("2026-01-02T03:04:05Z")],
    ]);
    expect(seen.fields.map(({ name }) => name)).toEqual(["id", "slug", "body", "written_at"]);
    expect(seen).toMatchObject({ command: "SELECT", rowCount: 1 });
    expect((await in_(other, () => pool.query("select * from notes"))).rows).toEqual([]);
  });

  test("a client stays with its tenant, and lets go of a transaction that nobody ended", async () => {
    const client = await in_(acme, () => pool.connect());
    await in_(other, async () => {
      await client.query("begin");
      await client.query("insert into notes (slug, body) values ('kept', 'by acme')");
      await client.query("commit");
      expect((await pool.query("select * from notes")).rows).toEqual([]);
    });
    await client.query("begin");
    await client.query("delete from notes");
    client.release();
    const left = await in_(acme, () => pool.query("select slug from notes"));
    expect(left.rows).toEqual([{ slug: "kept" }]);
    await expect(client.query("select 1")).rejects.toThrow("was released");
  });

  test("Kysely reads, writes, upserts, commits and rolls back", async () => {
    const db = new Kysely<Schema>({ dialect: new PostgresDialect({ pool }) });
    const rows = await in_(acme, async () => {
      await db
        .insertInto("notes")
        .values([
          { slug: "a", body: "one" },
          { slug: "b", body: "two" },
        ])
        .execute();
      await db
        .insertInto("notes")
        .values({ slug: "a", body: "three" })
        .onConflict((conflict) => conflict.column("slug").doUpdateSet({ body: "three" }))
        .execute();
      await db
        .transaction()
        .setIsolationLevel("repeatable read")
        .execute(async (tx) =>
          tx.updateTable("notes").set({ body: "four" }).where("slug", "=", "b").execute(),
        );
      const failed = db.transaction().execute(async (tx) => {
        await tx.deleteFrom("notes").execute();
        throw new Error("changed my mind");
      });
      await expect(failed).rejects.toThrow("changed my mind");
      return db.selectFrom("notes").selectAll().orderBy("slug").execute();
    });
    expect(rows.map(({ slug, body }) => [slug, body])).toEqual([
      ["a", "three"],
      ["b", "four"],
    ]);
    expect(Object.keys(rows[0]!)).toEqual(["id", "slug", "body", "written_at"]);
    expect(await in_(other, () => db.selectFrom("notes").selectAll().execute())).toEqual([]);
  });

  test("Drizzle reads, writes, upserts, commits and rolls back", async () => {
    const db = drizzle({ client: pool });
    const rows = await in_(acme, async () => {
      const [first] = await db.insert(notes).values({ slug: "a", body: "one" }).returning();
      expect(first).toEqual({
        id: expect.any(Number),
        slug: "a",
        body: "one",
        writtenAt: new Date("2026-01-02T03:04:05Z"),
      });
      await db
        .insert(notes)
        .values({ slug: "a", body: "two" })
        .onConflictDoUpdate({ target: notes.slug, set: { body: "two" } });
      await db.transaction(
        async (tx) => {
          await tx.insert(notes).values({ slug: "b", body: "three" });
          await tx
            .transaction(async (inner) => {
              await inner.delete(notes).where(eq(notes.slug, "a"));
              inner.rollback();
            })
            .catch(() => undefined);
        },
        { isolationLevel: "serializable" },
      );
      expect((await db.execute(drizzleSql`select count(*)::int as count from notes`)).rows).toEqual([
        { count: 2 },
      ]);
      return db.select().from(notes).orderBy(notes.slug);
    });
    expect(rows.map(({ slug, body }) => [slug, body])).toEqual([
      ["a", "two"],
      ["b", "three"],
    ]);
    expect(await in_(other, () => db.select().from(notes))).toEqual([]);
  });

  test("Prisma's adapter runs its statements and transactions", async () => {
    const adapter = await new PrismaPg(pool).connect();
    const statement = (text: string, ...args: string[]) => ({
      sql: text,
      args,
      argTypes: args.map(() => ({ scalarType: "string" as const, arity: "scalar" as const })),
    });
    await in_(acme, async () => {
      const upsert = `INSERT INTO "public"."notes" ("slug","body") VALUES ($1,$2)
        ON CONFLICT ("slug") DO UPDATE SET "body" = $2 RETURNING "public"."notes"."id", "public"."notes"."body"`;
      const made = await adapter.queryRaw(statement(upsert, "a", "one"));
      expect(made).toMatchObject({
        columnNames: ["id", "body"],
        rows: [[expect.stringMatching(/^\d+$/), "one"]],
      });
      const tx = await adapter.startTransaction("SERIALIZABLE");
      expect(await tx.executeRaw(statement(`UPDATE "public"."notes" SET "body" = $1`, "two"))).toBe(1);
      await tx.executeRaw(statement("COMMIT"));
      await tx.commit();
      const undone = await adapter.startTransaction();
      await undone.executeRaw(statement(`DELETE FROM "public"."notes"`));
      await undone.executeRaw(statement("ROLLBACK"));
      await undone.rollback();
      const { rows } = await adapter.queryRaw(statement(`SELECT "body" FROM "public"."notes"`));
      expect(rows).toEqual([["two"]]);
    });
    const seen = await in_(other, () => adapter.queryRaw(statement(`SELECT "body" FROM "public"."notes"`)));
    expect(seen.rows).toEqual([]);
    await adapter.dispose();
  });
}
