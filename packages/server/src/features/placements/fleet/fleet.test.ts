import type { KyselyPlugin } from "kysely";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import type { DatabaseDriver, DatabaseDrivers, Migrate } from "../../../drivers/database/index.ts";
import { sql } from "../../../infra/db/index.ts";
import { failure, newId } from "../../../kernel/index.ts";
import {
  insertApp,
  insertEnvironment,
  insertMigrations,
  type TestPlacements,
  testPlacements,
} from "../../../testing/placements.ts";
import { waitUntil } from "../../../testing/wait-until.ts";
import type { FleetWork } from "../index.ts";

let house: TestPlacements;
/** What stands between the fleet and the drivers; the real thing when a test sets nothing. */
let between: (name: string, migrate: () => ReturnType<Migrate>) => ReturnType<Migrate>;
/** Called before a lane is opened. */
let opening: () => void;

beforeAll(async () => {
  house = await testPlacements({ wrap: intercepted });
});
beforeEach(() => {
  between = (_name, migrate) => migrate();
  opening = () => undefined;
});
afterAll(() => house.close());

function intercepted(drivers: DatabaseDrivers): DatabaseDrivers {
  return Object.fromEntries(
    Object.entries(drivers).map(([level, driver]) => [
      level,
      {
        ...driver,
        async inLane(request, work) {
          opening();
          return driver.inLane!(request, (migrate) =>
            work(async (database) => between(database.name, () => migrate(database))),
          );
        },
      } satisfies DatabaseDriver,
    ]),
  );
}

type Place = { databaseId: string; name: string };

/** Environments of an app of one migration, and then a second one that they don't have. */
async function behind(count: number, level: "database" | "schema" = "database") {
  const appId = await insertApp(house.db, "create table notes (id int primary key);");
  const places: Place[] = [];
  for (let number = 0; number < count; number += 1) {
    const environmentId = await insertEnvironment(house.db, appId);
    const wanted = { environmentId, appId, level, schemaVersion: 1 };
    const { databaseId } = await house.run((context) => house.placements.placeDatabase(context, wanted));
    const { rows } = await sql<{ name: string }>`
      select name from databases where id = ${databaseId}`.execute(house.db);
    places.push({ databaseId, name: rows[0]!.name });
  }
  await insertMigrations(house.db, appId, 2, ["alter table notes add column stars int;"]);
  return { appId, places };
}

const migrate = (appId: string, rest: Partial<FleetWork> = {}) =>
  house.run((context) =>
    house.placements.migrateFleet(context, { appId, schemaVersion: 2, retryBaseMs: 20, ...rest }),
  );

async function versions(appId: string): Promise<number[]> {
  const { rows } = await sql<{ version: number }>`
    select schema_version as version from databases where app_id = ${appId} and state = 'in_use' order by id
  `.execute(house.db);
  return rows.map(({ version }) => version);
}

async function failures(appId: string) {
  const { rows } = await sql<{ databaseId: string; attempts: number; detail: string; over: boolean }>`
    select f.database_id as "databaseId", f.attempts, f.error->>'detail' as detail, f.retry_at is null as over
    from migration_failures f join databases d on d.id = f.database_id where d.app_id = ${appId}
  `.execute(house.db);
  return rows;
}

test.each(["database", "schema"] as const)(
  "every database of an app comes to the version, at the level %s",
  async (level) => {
    const { appId } = await behind(4, level);
    expect(await migrate(appId)).toMatchObject({ databases: 4, current: 4, givenUp: 0 });
    expect(await versions(appId)).toEqual([2, 2, 2, 2]);
    expect(await migrate(appId)).toMatchObject({ databases: 4, current: 4 });
  },
);

test("that nobody is behind is found by the same few statements for one tenant and for 5,000, on no server", async () => {
  const { appId } = await behind(1);
  await migrate(appId);
  opening = () => expect.unreachable("a server was asked");
  const statements = async () => {
    let count = 0;
    const counting: KyselyPlugin = {
      transformQuery({ node }) {
        count += 1;
        return node;
      },
      transformResult: async ({ result }) => result,
    };
    const answer = await house.run((context) => {
      const counted = { ...context, db: context.db.withPlugin(counting) };
      return house.placements.migrateFleet(counted, { appId, schemaVersion: 2 });
    });
    return { count, answer };
  };
  const one = await statements();
  await sql`
    insert into databases (id, server_id, app_id, level, name, schema_version, state)
    select gen_random_uuid(), ${house.serverId}, ${appId}, 'database', 'many_' || number, 2, 'in_use'
    from generate_series(2, 5000) number`.execute(house.db);
  const all = await statements();
  expect(all).toMatchObject({ count: one.count, answer: { databases: 5_000, current: 5_000 } });
  // Which migrations there are, who is due, whether anybody waits for another attempt, and how it stands at the end.
  expect(all.count).toBeLessThanOrEqual(4);
  await sql`delete from databases where name like 'many\_%'`.execute(house.db);
});

test("one whose migration fails is named with the reason, and keeps nobody else from it", async () => {
  const { appId, places } = await behind(4);
  const broken = places[1]!;
  between = (name, go) => {
    if (name !== broken.name) return go();
    throw failure("migration_failed", { detail: "0002.sql, line 1, column 1: no." });
  };
  const told: string[] = [];
  const onGivenUp = async (databaseId: string) => void told.push(databaseId);
  expect(await migrate(appId, { onGivenUp })).toMatchObject({ current: 3, givenUp: 1 });
  expect(told).toEqual([broken.databaseId]);
  expect(await failures(appId)).toEqual([
    { databaseId: broken.databaseId, attempts: 1, detail: "0002.sql, line 1, column 1: no.", over: true },
  ]);
  expect((await versions(appId)).filter((version) => version === 1)).toHaveLength(1);
  between = (_name, go) => go();
  expect(await migrate(appId)).toMatchObject({ current: 4, givenUp: 0 });
  expect(await failures(appId)).toEqual([]);
});

test("a server that comes back in time is no failure; one that stays away is, after six attempts", async () => {
  const { appId, places } = await behind(2);
  const [flaky, gone] = places as [Place, Place];
  const calls = new Map<string, number>();
  between = (name, go) => {
    const call = (calls.get(name) ?? 0) + 1;
    calls.set(name, call);
    if (name === gone.name || call < 3) throw failure("server_unreachable", { detail: "Nobody answers." });
    return go();
  };
  expect(await migrate(appId)).toMatchObject({ current: 1, givenUp: 1 });
  expect(calls.get(flaky.name)).toBe(3);
  expect(calls.get(gone.name)).toBe(6);
  expect(await failures(appId)).toMatchObject([{ databaseId: gone.databaseId, attempts: 6, over: true }]);
});

test("a lock that somebody else has is waited for again; what is wrong with the file isn't", async () => {
  const { appId, places } = await behind(1);
  let calls = 0;
  between = (_name, go) => {
    calls += 1;
    if (calls > 2) return go();
    const cause = Object.assign(new Error("lock timeout"), { code: "55P03" });
    throw failure("migration_failed", { detail: "A lock couldn't be had." }, { cause });
  };
  expect(await migrate(appId)).toMatchObject({ current: 1 });
  expect(calls).toBe(3);
  expect(places).toHaveLength(1);
});

test("no more are at work than allowed, over all and on a server", async () => {
  for (const most of [
    { concurrency: 2, perServer: 4 },
    { concurrency: 4, perServer: 2 },
  ]) {
    const { appId } = await behind(5);
    let atWork = 0;
    let seen = 0;
    between = async (_name, go) => {
      atWork += 1;
      seen = Math.max(seen, atWork);
      try {
        return await go();
      } finally {
        atWork -= 1;
      }
    };
    await migrate(appId, most);
    expect(seen).toBe(2);
  }
});

test("who stops the work is heard: nothing more is begun, and what had begun is ended first", async () => {
  const { appId } = await behind(6);
  let calls = 0;
  between = () => {
    calls += 1;
    throw failure("migration_failed", { detail: "No." });
  };
  const enough = failure("migration_failed", { detail: "Enough." });
  const stopping = migrate(appId, {
    concurrency: 1,
    onGivenUp: async (_id, tally) => {
      if (tally.givenUp >= 2) throw enough;
    },
  });
  await expect(stopping).rejects.toMatchObject({ detail: "Enough." });
  expect(calls).toBe(2);
});

test("only those of a tenant or a group are touched when one is named", async () => {
  const { appId, places } = await behind(3);
  const { rows } = await sql<{ id: string }>`
    update tenants t set groups = '{pilot}' from environments e, placements p
    where e.tenant_id = t.id and p.environment_id = e.id and p.database_id = ${places[0]!.databaseId}
    returning t.id`.execute(house.db);
  expect(await migrate(appId, { group: "pilot" })).toMatchObject({ databases: 1, current: 1 });
  expect(await versions(appId)).toEqual([2, 1, 1]);
  expect(await migrate(appId, { tenantId: rows[0]!.id })).toMatchObject({ databases: 1, current: 1 });
  expect(await migrate(appId, { tenantId: newId() })).toMatchObject({ databases: 0 });
  expect(await versions(appId)).toEqual([2, 1, 1]);
});

test("a server that doesn't answer costs a try for all of its databases at once, and they go on when it does", async () => {
  const { appId } = await behind(5);
  let tries = 0;
  opening = () => {
    tries += 1;
    if (tries <= 2) throw failure("server_unreachable", { detail: "Nobody answers." });
  };
  const noted: number[][] = [];
  between = async (_name, go) => {
    noted.push((await failures(appId)).map(({ attempts }) => attempts));
    return go();
  };
  expect(await migrate(appId, { concurrency: 1 })).toMatchObject({ current: 5, givenUp: 0 });
  expect(noted[0]).toEqual([2, 2, 2, 2, 2]);
  expect(await failures(appId)).toEqual([]);
});

test("a server that stays away is given up after six tries, each of its databases told with the reason", async () => {
  const { appId } = await behind(3);
  let tries = 0;
  opening = () => {
    tries += 1;
    throw failure("server_unreachable", { detail: "Nobody answers." });
  };
  const told: string[] = [];
  const onGivenUp = async (databaseId: string) => void told.push(databaseId);
  expect(await migrate(appId, { concurrency: 1, onGivenUp })).toMatchObject({ current: 0, givenUp: 3 });
  expect(tries).toBe(6);
  expect(new Set(told).size).toBe(3);
  expect(await failures(appId)).toMatchObject(
    Array.from({ length: 3 }, () => ({ attempts: 6, over: true, detail: "Nobody answers." })),
  );
});

test.each(["database", "schema"] as const)(
  "tenants that are deleted, suspended or made meanwhile hinder nobody, at the level %s",
  async (level) => {
    const { appId, places } = await behind(4, level);
    const [deleted, suspended] = [places[2]!, places[3]!];
    let made: string | undefined;
    const after = async () => {
      const { rows } = await sql<{ environmentId: string }>`
        select environment_id as "environmentId" from placements where database_id = ${deleted.databaseId}
      `.execute(house.db);
      const { environmentId } = rows[0]!;
      await house.run((context) =>
        house.placements.removePlacements(context, { environmentId, kind: "database" }),
      );
      await sql`
        update tenants t set status = 'suspended' from environments e, placements p
        where e.tenant_id = t.id and p.environment_id = e.id and p.database_id = ${suspended.databaseId}
      `.execute(house.db);
      const next = {
        environmentId: await insertEnvironment(house.db, appId),
        appId,
        level,
        schemaVersion: 1,
      };
      ({ databaseId: made } = await house.run((context) => house.placements.placeDatabase(context, next)));
    };
    let done: Promise<void> | undefined;
    between = async (_name, go) => {
      done ??= after();
      await done;
      return go();
    };
    // One lane: the first question to the registry has named all four.
    expect(await migrate(appId, { concurrency: 1 })).toMatchObject({ databases: 4, current: 4, givenUp: 0 });
    expect(made).toBeDefined();
    expect(await versions(appId)).toEqual([2, 2, 2, 2]);
    expect(await failures(appId)).toEqual([]);
    expect(await house.placements.scanForLeftovers(house.db)).toEqual([]);
  },
);

test("the database of an environment that is being moved is left alone until it is there, and then follows", async () => {
  const { appId, places } = await behind(2);
  const [moving, other] = places as [Place, Place];
  const migrated: string[] = [];
  between = (name, go) => {
    migrated.push(name);
    return go();
  };
  const setMoving = (value: boolean) =>
    sql`update environments e set moving = ${value} from placements p
      where p.environment_id = e.id and p.database_id = ${moving.databaseId}`.execute(house.db);
  await setMoving(true);
  const ended = migrate(appId);
  await waitUntil("all but that one are there", async () => (await versions(appId)).includes(2));
  expect(migrated).toEqual([other.name]);
  await setMoving(false);
  expect(await ended).toMatchObject({ databases: 2, current: 2, givenUp: 0 });
  expect(migrated).toEqual([other.name, moving.name]);
});
