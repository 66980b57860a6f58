import { randomUUID } from "node:crypto";
import { Readable } from "node:stream";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { newId } from "../../kernel/index.ts";
import { embeddedLikeServer, givenServer, type TestServer } from "../../testing/database-servers.ts";
import { testContext } from "../../testing/driver-context.ts";
import { openPlace } from "../../testing/shared-harness.ts";
import { urlTo } from "./common/url.ts";
import { createDatabaseDriver } from "./database/index.ts";
import { runAt, schemaOf } from "./driver.testsuite.ts";
import type { DatabaseServer, PostgresDriver, RowsPlace, SharedPlace } from "./driver.ts";
import { createSchemaDriver } from "./schema/index.ts";
import { createSharedDriver } from "./shared/index.ts";

/**
 * Code of an application that climbs wherever somebody runs it who may do more than the application: back to whoever
 * logged in, then a role of its own, or a look at everybody's rows. It hides in each place where PostgreSQL runs
 * functions that nobody called: those that read, plan and print as well as those that write.
 */
const tryClimb = `
  begin perform climb(); exception when undefined_function then
    begin perform public.climb(); exception when others then null; end;
  end;`;

const climbing = (mark: string) => `
  create function climb() returns int volatile language plpgsql as $$
  declare way text; sink text;
  begin
    foreach way in array array['reset role', 'reset session authorization', 'set local row_security = off'] loop
      begin execute way; exception when others then null; end;
    end loop;
    begin execute 'create role ${mark}'; exception when others then null; end;
    begin
      execute 'alter table secrets disable row level security';
      execute 'insert into loot select title from secrets where title like ''NEIGHBOUR%''';
    exception when others then null; end;
    return 1;
  end $$;
  create function fixed(int) returns int immutable language plpgsql as $$ begin ${tryClimb} return $1; end $$;
  create function passes() returns trigger language plpgsql as $$ begin ${tryClimb} return coalesce(new, old); end $$;
  create function quote_ident(name) returns text immutable language plpgsql as
    $$ begin ${tryClimb} return pg_catalog.quote_ident($1::text); end $$;
  create function format(text, int) returns text immutable language plpgsql as
    $$ begin ${tryClimb} return pg_catalog.format($1, $2::text); end $$;
  create domain looked as int check (fixed(value) is not null);
  create table secrets (id int primary key, title text not null);
  create table loot (title text);
  create table seeded (id int primary key, by_default int default fixed(1), plain int check (fixed(1) > 0),
    checked looked, made int generated always as (fixed(plain)) stored);
  create index on seeded (fixed(plain));
  create index on seeded (plain) where plain > fixed(0);
  insert into seeded (id, plain, checked) values (1, 1, 1), (2, 2, 2);
  create trigger on_rows before insert or update or delete on seeded for each row execute function passes();
  create constraint trigger at_the_end after insert or delete on seeded deferrable initially deferred
    for each row execute function passes();`;

/** Out and in again, where the level lets rows with such triggers in. */
async function copyRows(driver: PostgresDriver, place: RowsPlace): Promise<void> {
  const pieces: Uint8Array[] = [];
  const write = async (piece: Uint8Array) => void pieces.push(Uint8Array.from(piece));
  const { rows } = await driver.exportRows(testContext(), place, { write });
  expect(rows).toBe(2);
  await driver.importRows(testContext(), place, Readable.from(pieces)).catch((error: { code: string }) => {
    // Either its triggers stand in the way, or that its own code has switched row security off for itself.
    expect(["rows_not_portable", "42501"]).toContain(error.code);
  });
}

describe.each([
  ["a server where we are superuser", embeddedLikeServer],
  ["a given server, PostgreSQL 15", () => givenServer(15)],
  ["a given server, PostgreSQL 18", () => givenServer(18)],
] as const)("an application's own code on %s", (_title, open) => {
  let postgres: TestServer;
  let server: DatabaseServer;
  const installationId = newId();
  beforeAll(async () => {
    postgres = await open();
    server = { id: newId(), url: postgres.url };
  });
  afterAll(() => postgres?.stop());

  const newMark = () => `climbed_${randomUUID().slice(0, 8)}`;
  const climbed = (mark: string) =>
    runAt(postgres.superuserUrl, `select rolname from pg_roles where rolname = '${mark}'`);

  test("gets no rights of ours by whatever is done with a shared database", async () => {
    const mark = newMark();
    const driver = createSharedDriver({ installationId });
    const appId = newId();
    const databaseId = newId();
    const first = schemaOf(appId, climbing(mark));
    await driver.buildBlueprint(testContext(), { server, schema: first });
    const built = await driver.build(testContext(), { server, databaseId, schema: first });
    const place = (): SharedPlace => ({
      ...{ server, database: built, databaseId, appId, environmentId: newId(), sealKey: built.sealKey! },
    });
    const [neighbour, one] = [place(), place()];
    const run = async ({ environmentId }: SharedPlace, text: string) => {
      const seal = { databaseId, environmentId, key: built.sealKey!, pooled: false };
      const { database, close } = openPlace(driver.connectionUrl(server, built), seal);
      return (await database.query(text).finally(close)).rows;
    };
    await driver.sharing!.admit(testContext(), neighbour);
    await run(neighbour, "insert into secrets values (1, 'NEIGHBOUR''s secret')");
    await driver.sharing!.admit(testContext(), one);
    expect(await run(one, "select count(*)::int as seeded from seeded")).toEqual([{ seeded: 2 }]);
    expect(await driver.verify(server, built)).toEqual([]);
    expect(await driver.measure(server, built)).toBeGreaterThan(0);
    expect(Object.keys(await driver.readForm(server, built))).toContain('table "secrets"');
    await driver.repairLogin(testContext(), { server, database: built });
    await copyRows(driver, {
      server,
      database: built,
      databaseId,
      environmentId: one.environmentId,
      schema: first,
    });
    expect(await run(one, "select * from loot")).toEqual([]);
    expect(await climbed(mark)).toEqual([]);
    await driver.sharing!.dismiss(testContext(), one);
    await driver.sharing!.dismiss(testContext(), neighbour);
    expect(await climbed(mark)).toEqual([]);
    // Last, since even this look runs the application's code.
    const left = "select (select count(*) from seeded)::int + (select count(*) from loot)::int as rows";
    expect(await runAt(urlTo(postgres.superuserUrl, built.name), left)).toEqual([{ rows: 0 }]);
  });

  test.each([
    ["database", createDatabaseDriver],
    ["schema", createSchemaDriver],
  ] as const)("nor at the level %s", async (_level, create) => {
    const mark = newMark();
    const driver: PostgresDriver = create({ installationId });
    const schema = schemaOf(newId(), climbing(mark));
    await driver.tryOut(testContext(), { server, migrations: schema.migrations });
    await driver.buildBlueprint(testContext(), { server, schema });
    await driver.prepare(testContext(), { server, schema });
    const built = await driver.build(testContext(), { server, databaseId: newId(), schema });
    const more = schemaOf(
      schema.appId,
      climbing(mark),
      "alter table seeded add column more int default climb();",
    );
    const database = { name: built.name, roleName: built.roleName };
    await driver.migrate(testContext(), { server, database, schema: more });
    expect(await driver.verify(server, built)).toEqual([]);
    await driver.measure(server, built);
    await driver.readForm(server, built);
    const environmentId = newId();
    await copyRows(driver, { server, database: built, databaseId: newId(), environmentId, schema: more });
    const thing = { kind: "database" as const, name: built.name };
    await driver.remove(testContext(), { server, thing });
    expect(await climbed(mark)).toEqual([]);
  });
});
