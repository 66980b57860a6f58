import { fileURLToPath } from "node:url";
import { mintSealToken } from "@tenantry/data";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { newId } from "../../kernel/index.ts";
import { embeddedLikeServer, givenServer } from "../../testing/database-servers.ts";
import { testContext } from "../../testing/driver-context.ts";
import { playInFile } from "../../testing/play-script.ts";
import { contentOf, openStand, portable, type Stand } from "../../testing/rows-stand.ts";
import { waitUntil } from "../../testing/wait-until.ts";
import type { RowsPlace } from "./driver.ts";
import { schemaOf } from "./harness.testsuite.ts";

type Built = Awaited<ReturnType<Stand["build"]>>;

const write = "insert into notes (title) values ('one')";
const schema = schemaOf(newId(), "create table notes (id serial primary key, title text not null)");

/** Connects as the environment's application does, and begins a transaction in it. */
async function enter(stand: Stand, { driver, place, database }: Built): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: driver.connectionUrl(stand.server, database) });
  client.on("error", () => undefined);
  await client.connect();
  await client.query("begin");
  if (database.sealKey) await client.query("select tenantry.enter($1)", [tokenFor(client, place)]);
  return client;
}

function tokenFor(client: pg.Client, { databaseId, environmentId, database }: RowsPlace): string {
  const { processID: backend } = client as unknown as { processID: number };
  const expiresAt = Math.floor(Date.now() / 1_000) + 30;
  return mintSealToken(Buffer.from(database.sealKey!, "base64"), {
    databaseId,
    environmentId,
    expiresAt,
    backend,
  });
}

async function writeOnce(stand: Stand, built: Built): Promise<void> {
  const client = await enter(stand, built);
  try {
    await client.query(write);
    await client.query("commit");
  } finally {
    await client.end();
  }
}

const refusals = { database: "28000", schema: "28000", shared: "TN001" };
const closing = (place: RowsPlace, graceMs = 100) => ({ ...place, graceMs });

describe.each([
  ["PostgreSQL 18 as a superuser", embeddedLikeServer],
  ["PostgreSQL 15 as a given role", () => givenServer(15)],
] as const)("a place that was closed on %s", (_title, open) => {
  let stand: Stand;
  beforeAll(async () => {
    stand = await openStand(open);
  });
  afterAll(() => stand.close());

  test.each(portable)(
    "at the level %s takes no row any more from whoever was in or comes, until it is opened",
    async (level) => {
      const built = await stand.build(level, schema);
      const { driver, place } = built;
      const neighbour = await stand.neighbourOf(built);
      await writeOnce(stand, built);
      const under = await enter(stand, built);
      await under.query(write);
      await driver.close(testContext(), closing(place));
      await expect(under.query("commit")).rejects.toThrow();
      await expect(writeOnce(stand, built)).rejects.toMatchObject({ code: refusals[level] });
      await writeOnce(stand, neighbour as Built);
      await driver.close(testContext(), closing(place));
      // Tenantry itself still reads it: what was committed, and nothing else.
      const { tables } = await contentOf(await stand.take(built));
      expect(tables.notes).toHaveLength(1);
      await driver.reopen(testContext(), closing(place));
      await driver.reopen(testContext(), closing(place));
      await writeOnce(stand, built);
      expect(await driver.verify(stand.server, built.database)).toEqual([]);
    },
  );

  test.each(portable)("at the level %s lets a transaction end that ends by itself", async (level) => {
    const built = await stand.build(level, schema);
    const under = await enter(stand, built);
    await under.query(write);
    const closed = built.driver.close(testContext(), closing(built.place, 20_000));
    await waitUntil("nobody comes in", () =>
      enter(stand, built).then(
        (client) => client.end().then(() => false),
        () => true,
      ),
    );
    await under.query("commit");
    await closed;
    expect((await contentOf(await stand.take(built))).tables.notes?.length).toBeGreaterThan(0);
    await under.end();
  });

  test("at the level shared puts out a login that was given out, and no neighbour's", async () => {
    const built = await stand.build("shared", schema);
    const neighbour = await stand.neighbourOf(built);
    const logins = [await login(built), await login(neighbour as Built)];
    await built.driver.close(testContext(), closing(built.place));
    await expect(logins[0]!.query(write)).rejects.toThrow();
    await logins[1]!.query(write);
    await Promise.all(logins.map((client) => client.end()));
  });

  async function login({ driver, place }: Built): Promise<pg.Client> {
    if (!driver.logins) throw new Error("Nobody logs in there.");
    const made = { roleName: driver.logins.nameOf(newId()), password: "secret" };
    const { server, database, environmentId } = place;
    await driver.logins.place(testContext(), {
      server,
      database,
      appId: schema.appId,
      environmentId,
      login: made,
    });
    await driver.logins.align(testContext(), {
      server,
      roleName: made.roleName,
      state: async () => ({ open: true }),
    });
    const client = new pg.Client({ connectionString: driver.logins.url(server, database, made) });
    client.on("error", () => undefined);
    await client.connect();
    return client;
  }
});

test("a file that was closed takes no row any more, also from whoever has it open, until it is opened", async () => {
  const stand = await openStand(embeddedLikeServer);
  const built = await stand.build("sqlite", schema);
  const { driver, place } = built;
  const file = fileURLToPath(driver.connectionUrl(place.server, { ...place.database, password: null }));
  const play = async () =>
    (await playInFile({ file }, [write, "select count(*)::int as n from notes"])).map(({ answer }) => answer);
  expect(await play()).toEqual([
    expect.objectContaining({ rowCount: 1 }),
    expect.objectContaining({ rows: [{ n: 1 }] }),
  ]);
  await driver.close(testContext(), closing(place));
  await driver.close(testContext(), closing(place));
  expect(await play()).toEqual([{ code: expect.any(String) }, expect.objectContaining({ rows: [{ n: 1 }] })]);
  expect((await contentOf(await stand.take(built))).tables.notes).toHaveLength(1);
  await driver.reopen(testContext(), closing(place));
  expect((await play())[0]).toMatchObject({ rowCount: 1 });
  expect(await driver.verify(place.server, built.database)).toEqual([]);
  await stand.close();
});
