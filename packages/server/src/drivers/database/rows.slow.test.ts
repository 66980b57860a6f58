import pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { newId } from "../../kernel/index.ts";
import { embeddedLikeServer, givenServer, type TestServer } from "../../testing/database-servers.ts";
import { testContext } from "../../testing/driver-context.ts";
import { playScript } from "../../testing/play-script.ts";
import { plainProofs, plainScriptOf, schemaText, sharedSchemaText } from "../../testing/proofs/index.ts";
import { readArchive } from "./common/rows/archive.ts";
import type { AppSchema, PostgresDriver, RowsPlace } from "./driver.ts";
import { schemaOf } from "./harness.testsuite.ts";
import { createDatabaseDrivers } from "./index.ts";

const portable = ["database", "schema", "shared"] as const;
type Level = (typeof portable)[number];

type Stand = Awaited<ReturnType<typeof openStand>>;

/** A server with all levels, on which environments are made, reached and copied. */
async function openStand(open: () => Promise<TestServer>) {
  const postgres = await open();
  const server = { id: newId(), url: postgres.url };
  const drivers = createDatabaseDrivers({ installationId: newId() });

  async function build(level: Level, schema: AppSchema) {
    const driver = drivers[level] as PostgresDriver;
    const context = testContext();
    await driver.buildBlueprint(context, { server, schema });
    await driver.prepare(context, { server, schema });
    const [databaseId, environmentId] = [newId(), newId()];
    const database = await driver.build(context, { server, databaseId, schema });
    const place: RowsPlace = { server, database, databaseId, environmentId, schema };
    if (driver.sharing) await join(driver, place);
    return { driver, place, database };
  }
  type Built = Awaited<ReturnType<typeof build>>;

  async function join(driver: PostgresDriver, place: RowsPlace): Promise<void> {
    const { appId } = place.schema;
    const { sealKey } = place.database;
    await driver.sharing!.admit(testContext(), { ...place, appId, sealKey: sealKey! });
  }

  /** Connects as a program of the environment does. */
  async function withClient<Result>(
    { driver, place }: Built,
    work: (client: pg.Client) => Promise<Result>,
  ): Promise<Result> {
    const login = { roleName: driver.logins.nameOf(newId()), password: "secret" };
    const { database, environmentId, schema } = place;
    await driver.logins.place(testContext(), { server, database, appId: schema.appId, environmentId, login });
    const state = () => Promise.resolve({ open: true });
    await driver.logins.align(testContext(), { server, roleName: login.roleName, state });
    const client = new pg.Client({ connectionString: driver.logins.url(server, database, login) });
    client.on("error", () => undefined);
    await client.connect();
    try {
      return await work(client);
    } finally {
      await client.end();
      await driver.remove(testContext(), { server, thing: { kind: "role", name: login.roleName } });
    }
  }

  const play = (built: Built, script: readonly string[]) =>
    withClient(built, (client) => playScript(client, script));

  async function take({ driver, place }: Built): Promise<Buffer[]> {
    const archive: Buffer[] = [];
    const write = async (bytes: Uint8Array) => void archive.push(Buffer.from(bytes));
    await driver.exportRows(testContext(), place, { write });
    return archive;
  }

  const put = ({ driver, place }: Built, archive: readonly Uint8Array[], context = testContext()) =>
    driver.importRows(context, place, stream(archive)).then((imported) => {
      expect(context.resources()).toEqual([]);
      return imported;
    });

  return { postgres, server, build, join, withClient, play, take, put };
}

async function* stream(archive: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* archive;
}

/** What an archive says, without when it was taken; rows in an order of their own. */
async function contentOf(archive: readonly Uint8Array[]) {
  const tables: Record<string, string[]> = {};
  let names: string[] = [];
  let sequences: unknown;
  for await (const piece of readArchive(stream(archive))) {
    if (piece.kind === "header") {
      names = piece.header.tables.map(({ name }) => name);
      for (const name of names) tables[name] = [];
      ({ sequences } = piece.header);
    }
    if (piece.kind === "rows")
      tables[names[piece.table]!]!.push(...piece.data.toString().split("\n").slice(0, -1));
  }
  const sorted = Object.entries(tables).map(([name, rows]) => [name, rows.sort()] as const);
  return { tables: Object.fromEntries(sorted.sort(([a], [b]) => (a < b ? -1 : 1))), sequences };
}

describe.each([
  ["PostgreSQL 18 as a superuser", embeddedLikeServer, plainProofs],
  ["PostgreSQL 15 as a given role", () => givenServer(15), ["rental"] as const],
] as const)("rows on %s", (_title, open, names) => {
  let stand: Stand;
  beforeAll(async () => {
    stand = await openStand(open);
    // A given role may be let do this alone; without, see below.
    await asSuperuser(
      stand,
      "do $$ begin if exists (select from pg_roles where rolname = 'maker') then grant set on parameter session_replication_role to maker; end if; end $$",
    );
  });
  afterAll(() => stand.postgres.stop());

  test.each(names)(
    "of the schema %s go from every level to every level, and answer the same",
    async (name) => {
      const schema = schemaOf(newId(), await sharedSchemaText(name));
      const script = await plainScriptOf(name);
      const origin = await stand.build("database", schema);
      await stand.play(origin, script);
      const first = await stand.take(origin);
      const content = await contentOf(first);
      // What comes next where the rows come from has to come next at each copy.
      const answers = await stand.play(origin, script);
      const targets: [Level, Awaited<ReturnType<Stand["build"]>>][] = [];
      for (const level of portable) targets.push([level, await stand.build(level, schema)]);
      let archives = [first];
      for (const _passing of ["from the origin", "from a copy at each level"]) {
        const taken: Buffer[][] = [];
        for (const archive of archives) {
          for (const [to, target] of targets) {
            await stand.put(target, archive);
            const copy = await stand.take(target);
            expect({ to, content: await contentOf(copy) }).toEqual({ to, content });
            taken.push(copy);
          }
        }
        archives = taken;
      }
      for (const [to, target] of targets) {
        expect({ to, answers: await stand.play(target, script) }).toEqual({ to, answers });
        expect(await target.driver.verify(stand.server, target.database)).toEqual([]);
      }
    },
  );

  test("are what materialised views show then, and the schema stands as before", async () => {
    const schema = schemaOf(newId(), await schemaText("rental"));
    const source = await stand.build("database", schema);
    const target = await stand.build("schema", schema);
    const form = await target.driver.readForm(stand.server, target.database);
    const look = "select * from popular_rooms order by 1, 2";
    await stand.play(source, await plainScriptOf("rental"));
    await stand.put(target, await stand.take(source));
    const [view, rows] = await stand.play(target, [
      look,
      "select building, room_number, count(*) as bookings from bookings group by 1, 2 order by 1, 2",
    ]);
    expect(view!.answer).toEqual(rows!.answer);
    expect(await target.driver.readForm(stand.server, target.database)).toEqual(form);
  });
});

async function asSuperuser(stand: Stand, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: stand.postgres.superuserUrl });
  await client.connect();
  await client.query(statement);
  await client.end();
}
