import type pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { newId } from "../../../kernel/index.ts";
import { givenServer, type TestServer } from "../../../testing/database-servers.ts";
import { type TestContext, testContext } from "../../../testing/driver-context.ts";
import { type Connect, openClient } from "../common/session.ts";
import { runAt, schemaOf } from "../driver.testsuite.ts";
import type { DatabaseDriver, DatabaseServer, PhysicalDatabase } from "../driver.ts";
import { createDatabaseDriver } from "./index.ts";

const first = "create table notes (id int primary key); insert into notes values (1);";
const second = "alter table notes add column stars int; insert into notes values (2, 5);";
const third = "-- tenantry: no-transaction\ncreate index concurrently if not exists stars on notes (stars);";

const installationId = newId();
const sound = createDatabaseDriver({ installationId });
let postgres: TestServer;
let server: DatabaseServer;

beforeAll(async () => {
  // The rights of a given server are the ones with which more can go wrong.
  postgres = await givenServer(18);
  server = { id: newId(), url: postgres.url };
});
afterAll(() => postgres.stop());

/**
 * A driver whose process loses its connection after the statement of that number, which the server has carried out and
 * nobody heard of. That covers losing it before the next one, too. Counts statements, logging in included.
 */
function faultyDriver(fault: number): { driver: DatabaseDriver; count(): number } {
  let count = 0;
  const strike = (client: pg.Client) => {
    count += 1;
    if (count !== fault) return;
    cut(client);
    throw new Error("cut off");
  };
  const connect: Connect = async (config) => {
    const client = await openClient(config);
    strike(client);
    const query = client.query.bind(client) as (...args: unknown[]) => Promise<unknown>;
    const faulty = async (...args: unknown[]) => {
      const result = await query(...args);
      strike(client);
      return result;
    };
    return Object.assign(client, { query: faulty });
  };
  return { driver: createDatabaseDriver({ installationId, connect }), count: () => count };
}

function cut(client: pg.Client): void {
  (client as unknown as { connection: { stream: { destroy(): void } } }).connection.stream.destroy();
}

/** Every place at which `work` can be interrupted, found by letting it run through once. */
async function everyFault(work: (driver: DatabaseDriver) => Promise<unknown>): Promise<number[]> {
  const { driver, count } = faultyDriver(-1);
  await work(driver);
  return Array.from({ length: count() }, (_, index) => index + 1);
}

/** What the sweeper does with what a step declared and never finished. */
async function sweep(context: TestContext): Promise<void> {
  for (const { kind, physicalName } of context.resources()) {
    const thing = { kind: kind as "database" | "role", name: physicalName };
    await sound.remove(context, { server, thing });
  }
}

async function everythingOurs(): Promise<string[]> {
  const rows = await runAt<{ name: string }>(
    postgres.superuserUrl,
    `select datname as name from pg_database where datname ~ '^tn'
     union all select rolname from pg_roles where rolname ~ '^tn[mr]' order by 1`,
  );
  return rows.map(({ name }) => name);
}

describe("interrupted at any statement", () => {
  test("building a blueprint can be repeated, or taken back without a trace", async () => {
    // The installation's own roles are made by the first blueprint, and stay.
    await sound.buildBlueprint(testContext(), { server, schema: schemaOf(newId(), first) });
    const faults = await everyFault((driver) =>
      driver.buildBlueprint(testContext(), { server, schema: schemaOf(newId(), first, second, third) }),
    );
    expect(faults.length).toBeGreaterThan(30);
    for (const fault of faults) {
      const before = await everythingOurs();
      const schema = schemaOf(newId(), first, second, third);
      const context = testContext();
      const attempt = faultyDriver(fault).driver.buildBlueprint(context, { server, schema });
      await expect(attempt, `statement ${fault}`).rejects.toThrow();
      await sweep(context.next());
      expect(await everythingOurs(), `statement ${fault}`).toEqual(before);
      // The roles stand by now: this attempt may need fewer statements, and succeed.
      const again = faultyDriver(fault).driver;
      await Promise.allSettled([again.buildBlueprint(context.next(), { server, schema })]);
      const name = await sound.buildBlueprint(context.next().next(), { server, schema });
      expect(await everythingOurs(), `statement ${fault}`).toEqual([...before, name].sort());
      expect(context.resources()).toMatchObject([{ physicalName: name, state: "present" }]);
      await sound.remove(testContext(), { server, thing: { kind: "database", name } });
    }
  }, 600_000);

  test("building a database can be repeated, or taken back without a trace", async () => {
    const schema = schemaOf(newId(), first);
    await sound.buildBlueprint(testContext(), { server, schema });
    const faults = await everyFault((driver) =>
      driver.build(testContext(), { server, databaseId: newId(), schema }),
    );
    for (const fault of faults) {
      const before = await everythingOurs();
      const context = testContext();
      const request = { server, databaseId: newId(), schema };
      await expect(
        faultyDriver(fault).driver.build(context, request),
        `statement ${fault}`,
      ).rejects.toThrow();
      await sweep(context.next());
      expect(await everythingOurs(), `statement ${fault}`).toEqual(before);
      await expect(faultyDriver(fault).driver.build(context, request)).rejects.toThrow();
      const built = await sound.build(context.next(), request);
      expect(await sound.verify(server, built), `statement ${fault}`).toEqual([]);
      expect(await runAt(sound.connectionUrl(server, built), "select * from notes")).toEqual([{ id: 1 }]);
      await sound.remove(testContext(), { server, thing: { kind: "database", name: built.name } });
    }
  }, 600_000);

  test("migrating a database goes on where it was, and applies nothing twice", async () => {
    const appId = newId();
    const schema = schemaOf(appId, first);
    const later = schemaOf(appId, first, second, third);
    await sound.buildBlueprint(testContext(), { server, schema });
    const buildOne = () => sound.build(testContext(), { server, databaseId: newId(), schema });
    const migrate = (driver: DatabaseDriver, context: TestContext, database: PhysicalDatabase) =>
      driver.migrate(context, { server, database, schema: later });
    const probe = await buildOne();
    for (const fault of await everyFault((driver) => migrate(driver, testContext(), probe))) {
      const built = await buildOne();
      const before = await everythingOurs();
      const context = testContext();
      await expect(
        migrate(faultyDriver(fault).driver, context, built),
        `statement ${fault}`,
      ).rejects.toThrow();
      await migrate(sound, context.next(), built);
      const rows = await runAt(sound.connectionUrl(server, built), "select * from notes order by id");
      expect(rows, `statement ${fault}`).toEqual([
        { id: 1, stars: null },
        { id: 2, stars: 5 },
      ]);
      expect(await everythingOurs(), `statement ${fault}`).toEqual(before);
      expect(context.resources()).toEqual([]);
      expect(await sound.verify(server, built), `statement ${fault}`).toEqual([]);
      await sound.remove(testContext(), { server, thing: { kind: "database", name: built.name } });
    }
  }, 600_000);

  test("removing a database can be repeated", async () => {
    const schema = schemaOf(newId(), first);
    await sound.buildBlueprint(testContext(), { server, schema });
    const before = await everythingOurs();
    const buildOne = (context = testContext()) =>
      sound.build(context, { server, databaseId: newId(), schema });
    const remove = (driver: DatabaseDriver, context: TestContext, name: string) =>
      driver.remove(context, { server, thing: { kind: "database", name } });
    const probe = await buildOne();
    for (const fault of await everyFault((driver) => remove(driver, testContext(), probe.name))) {
      const context = testContext();
      const built = await buildOne(context);
      await expect(remove(faultyDriver(fault).driver, context, built.name)).rejects.toThrow();
      await remove(sound, context.next(), built.name);
      expect(await everythingOurs(), `statement ${fault}`).toEqual(before);
      expect(context.resources()).toEqual([]);
    }
  }, 600_000);
});

describe("a zombie, frozen right after it proved its lease", () => {
  /** A context whose call of that number stops until it is let go. */
  function freezingContext(at: number) {
    let calls = 0;
    const frozen = Promise.withResolvers<void>();
    const release = Promise.withResolvers<void>();
    const context = testContext({
      async before() {
        calls += 1;
        if (calls !== at) return;
        frozen.resolve();
        await release.promise;
      },
    });
    return { context, frozen: frozen.promise, thaw: release.resolve, calls: () => calls };
  }

  test("changes nothing once its work has been taken back, wherever it was", async () => {
    const schema = schemaOf(newId(), first);
    await sound.buildBlueprint(testContext(), { server, schema });
    const before = await everythingOurs();
    const counting = freezingContext(-1);
    const counted = await sound.build(counting.context, { server, databaseId: newId(), schema });
    await sound.remove(testContext(), { server, thing: { kind: "database", name: counted.name } });
    for (let at = 1; at <= counting.calls(); at += 1) {
      const zombie = freezingContext(at);
      const built = sound.build(zombie.context, { server, databaseId: newId(), schema });
      const outcome = built.then(
        () => "it went on",
        () => "it failed",
      );
      await zombie.frozen;
      await sweep(zombie.context.next());
      zombie.context.lose();
      zombie.thaw();
      expect(await outcome, `frozen at call ${at}`).toBe("it failed");
      expect(await everythingOurs(), `frozen at call ${at}`).toEqual(before);
    }
  }, 300_000);
});
