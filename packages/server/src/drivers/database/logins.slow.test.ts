import pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { newId } from "../../kernel/index.ts";
import { embeddedLikeServer, givenServer, type TestServer } from "../../testing/database-servers.ts";
import { testContext } from "../../testing/driver-context.ts";
import { ormSchema, ormStatements, upsertsByColumn } from "../../testing/orm-statements.ts";
import { playScript } from "../../testing/play-script.ts";
import { plainProofs, plainScriptOf, sharedSchemaText } from "../../testing/proofs/index.ts";
import { newPassword } from "./common/scram.ts";
import type { AppSchema, DatabaseServer, PostgresDriver } from "./driver.ts";
import { schemaOf } from "./harness.testsuite.ts";
import { createDatabaseDrivers } from "./index.ts";

const levels = ["database", "schema", "shared"] as const;

describe.each([
  ["PostgreSQL 18, as its superuser", embeddedLikeServer],
  ["a given PostgreSQL 15", () => givenServer(15)],
] as const)("a login's program on %s", (_title, open) => {
  let postgres: TestServer;
  let server: DatabaseServer;
  let drivers: ReturnType<typeof createDatabaseDrivers>;
  beforeAll(async () => {
    postgres = await open();
    server = { id: newId(), url: postgres.url };
    drivers = createDatabaseDrivers({ installationId: newId() });
  });
  afterAll(() => postgres?.stop());

  /** A new environment, and a connection of a login that was given out for it. */
  async function connect(level: (typeof levels)[number], schema: AppSchema) {
    const driver: PostgresDriver = drivers[level]!;
    const { logins, sharing } = driver;
    const [context, databaseId, environmentId] = [testContext(), newId(), newId()];
    await driver.buildBlueprint(context, { server, schema });
    await driver.prepare(context, { server, schema });
    const database = await driver.build(context, { server, databaseId, schema });
    const place = { server, database, appId: schema.appId, environmentId };
    await sharing?.admit(context, { ...place, databaseId, sealKey: database.sealKey! });
    const login = { roleName: logins.nameOf(newId()), password: newPassword() };
    await logins.place(context, { ...place, login });
    const state = () => Promise.resolve({ open: true });
    await logins.align(context, { server, roleName: login.roleName, state });
    const client = new pg.Client({ connectionString: logins.url(server, database, login) });
    await client.connect();
    return { client, schema: logins.schemaOf(database) };
  }

  test.each(plainProofs)("gets the same answers at every level: %s", async (name) => {
    const text = await sharedSchemaText(name);
    const script = await plainScriptOf(name);
    const answers = [];
    for (const level of levels) {
      const { client } = await connect(level, schemaOf(newId(), text));
      // What triggers made of the migrations' rows is told as a difference of the level `shared`.
      if (name === "rental") {
        await client.query("delete from events");
        await client.query(`insert into events (kind, body) values ('INSERT', '{"booking": 1}')`);
      }
      answers.push(await playScript((text) => client.query(text), script));
      await client.end();
    }
    const [ofDatabase, ...others] = answers;
    for (const other of others) expect(other).toEqual(ofDatabase);
  });

  test("may be written with an object-relational mapper, but for upserts by column at the level shared", async () => {
    const answers = [];
    for (const level of levels) {
      const { client, schema } = await connect(level, schemaOf(newId(), ormSchema));
      const played = [];
      for (const [text, values] of ormStatements(schema)) {
        played.push(
          await client.query(text, values).then(
            ({ rows, rowCount }) => ({ rows, rowCount }),
            ({ code, constraint }: pg.DatabaseError) => ({ code, constraint }),
          ),
        );
      }
      answers.push(played);
      for (const [text, values] of upsertsByColumn(schema)) {
        const upserted = await client.query(text, values).then(
          ({ rows }) => rows,
          ({ code }: pg.DatabaseError) => code,
        );
        expect(upserted).toEqual(level === "shared" ? "42P10" : [{ id: 1, email: "a@x", name: "2" }]);
      }
      await client.end();
    }
    const [ofDatabase, ...others] = answers;
    expect(ofDatabase!.slice(-2)).toEqual([
      { rows: [{ id: 1, email: "a@x", name: "by constraint" }], rowCount: 1 },
      { code: "23505", constraint: "User_email_key" },
    ]);
    for (const other of others) expect(other).toEqual(ofDatabase);
  });
});
