import type { RuntimeEnvironment } from "@tenantry/contract";
import pg from "pg";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type TestPostgres, testPostgres } from "../../server/src/testing/postgres.ts";
import { waitUntil } from "../../server/src/testing/wait-until.ts";
import {
  createTenantry,
  DatabaseUnavailable,
  EnvironmentMoved,
  EnvironmentSuspended,
  TenantContextMissing,
  type Tenantry,
} from "./index.ts";
import { type TestInstallation, testInstallation } from "./testing/installation.ts";

const log = { info: () => undefined, warn: () => undefined };
let server: TestPostgres;
let installation: TestInstallation;
let tenantry: Tenantry;
let acme: RuntimeEnvironment;
let other: RuntimeEnvironment;
let databases = 0;

beforeAll(async () => {
  server = await testPostgres();
});
afterAll(() => server.stop());

beforeEach(async () => {
  installation = await testInstallation();
  installation.registry.budgets = [{ serverId: "srv_1", backends: 6 }];
  tenantry = createTenantry({ url: installation.url, appKey: installation.appKey, log });
  acme = installation.addTenant("acme", { database: await placeWith("Acme's home") });
  other = installation.addTenant("other", { database: await placeWith("Other's home") });
});
afterEach(async () => {
  await tenantry.close();
  installation.stop();
});

/** A database with one page, at a place of its own. */
async function placeWith(
  title: string,
  generation = 1,
): Promise<NonNullable<RuntimeEnvironment["database"]>> {
  databases += 1;
  const url = await server.createDatabase(`tenant_${databases}`);
  await onServer(url, async (client) => {
    await client.query("create table pages (id int generated always as identity, title text not null)");
    await client.query("insert into pages (title) values ($1)", [title]);
  });
  return { level: "database", serverId: "srv_1", url, generation };
}

async function onServer<Result>(url: string, work: (client: pg.Client) => Promise<Result>): Promise<Result> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

const titles = async () => {
  const { rows } = await tenantry.db.query<{ title: string }>("select title from pages order by id");
  return rows.map(({ title }) => title);
};
const titlesOf = (environment: RuntimeEnvironment) => tenantry.run(environment.id, titles);

async function backends(): Promise<number> {
  return onServer(server.url, async (client) => {
    const { rows } = await client.query<{ count: string }>(
      "select count(*) from pg_stat_activity where application_name = 'tenantry application'",
    );
    return Number(rows[0]!.count);
  });
}

describe("the current tenant's database", () => {
  test("is another one for each tenant, in queries, transactions and streams", async () => {
    await tenantry.run(acme.id, () =>
      tenantry.db.transaction(async (tx) => {
        await tx.query("insert into pages (title) values ($1)", ["About Acme"]);
      }),
    );
    expect(await titlesOf(acme)).toEqual(["Acme's home", "About Acme"]);
    expect(await titlesOf(other)).toEqual(["Other's home"]);
    const streamed = await tenantry.run(acme.id, async () => {
      const seen: string[] = [];
      for await (const row of tenantry.db.stream<{ title: string }>("select title from pages order by id")) {
        seen.push(`${tenantry.current().tenant.slug}: ${row.title}`);
      }
      return seen;
    });
    expect(streamed).toEqual(["acme: Acme's home", "acme: About Acme"]);
  });

  test("outside of any tenant can't be reached", async () => {
    await expect(tenantry.db.query("select 1")).rejects.toBeInstanceOf(TenantContextMissing);
    await expect(tenantry.db.transaction(async () => 1)).rejects.toBeInstanceOf(TenantContextMissing);
    await expect(tenantry.db.stream("select 1").next()).rejects.toBeInstanceOf(TenantContextMissing);
  });

  test("rolls a transaction back when its work fails", async () => {
    const failing = tenantry.run(acme.id, () =>
      tenantry.db.transaction(async (tx) => {
        await tx.query("delete from pages");
        throw new Error("changed my mind");
      }),
    );
    await expect(failing).rejects.toThrow("changed my mind");
    expect(await titlesOf(acme)).toEqual(["Acme's home"]);
  });

  test("never answers for another tenant, however many ask at once, within the budget of connections", async () => {
    const asked = await Promise.all(
      Array.from({ length: 300 }, async (_, index) => {
        const [first] = await titlesOf(index % 2 === 0 ? acme : other);
        return index % 2 === 0 ? first === "Acme's home" : first === "Other's home";
      }),
    );
    expect(new Set(asked)).toEqual(new Set([true]));
    expect(await backends()).toBeLessThanOrEqual(6);
  });

  test("is let go of by close", async () => {
    await titlesOf(acme);
    expect(await backends()).toBeGreaterThan(0);
    await tenantry.close();
    await expect.poll(backends).toBe(0);
  });
});

describe("a tenant that is suspended", () => {
  test("is refused from the next statement on, also within a transaction, and its connections are closed", async () => {
    const entered = Promise.withResolvers<void>();
    const suspended = Promise.withResolvers<void>();
    const work = tenantry.run(acme.id, () =>
      tenantry.db.transaction(async (tx) => {
        await tx.query("delete from pages");
        entered.resolve();
        await suspended.promise;
        await tx.query("select 1");
      }),
    );
    await entered.promise;
    installation.change(acme.id, { tenantStatus: "suspended" });
    await expect
      .poll(() => titlesOf(acme).catch((error: unknown) => error))
      .toBeInstanceOf(EnvironmentSuspended);
    suspended.resolve();
    await expect(work).rejects.toBeInstanceOf(EnvironmentSuspended);
    await expect.poll(backends).toBe(0);
    installation.change(acme.id, { tenantStatus: "active" });
    await expect.poll(() => titlesOf(acme).catch(() => undefined)).toEqual(["Acme's home"]);
  });

  test("and resumed at once keeps those who waited for a connection meanwhile", async () => {
    const { registry } = installation;
    registry.budgets = [{ serverId: "srv_1", backends: 1 }];
    const { page } = registry;
    // By the time that one suspension is heard of, it is over.
    registry.page = (since) => {
      const told = page(since);
      if (registry.get(acme.id).tenantStatus === "suspended") registry.putQuietly(acme);
      return told;
    };
    const free = Promise.withResolvers<void>();
    const busy = tenantry.run(other.id, () => tenantry.db.transaction(() => free.promise));
    await expect.poll(backends).toBe(1);
    const asked = Promise.withResolvers<void>();
    const waiting = tenantry.run(acme.id, () => {
      const answer = titles();
      setImmediate(asked.resolve);
      return answer;
    });
    await asked.promise;
    installation.change(acme.id, { tenantStatus: "suspended" });
    await expect.poll(() => registry.get(acme.id).tenantStatus).toBe("active");
    free.resolve();
    await busy;
    expect(await waiting).toEqual(["Acme's home"]);
  });
});

describe("a tenant that moved", () => {
  test("is worked for at its new place by contexts that exist already", async () => {
    await tenantry.run(acme.id, async () => {
      expect(await titles()).toEqual(["Acme's home"]);
      installation.change(acme.id, { database: await placeWith("Acme's new home", 2) });
      await expect.poll(titles).toEqual(["Acme's new home"]);
    });
  });

  test("during a transaction ends that with an error of its own, and the next one goes to the new place", async () => {
    const place = await placeWith("Acme's new home", 2);
    await tenantry.run(acme.id, async (context) => {
      const work = tenantry.db.transaction(async (tx) => {
        await tx.query("select 1");
        installation.change(acme.id, { database: place });
        await expect.poll(() => context.tenant.name).toBe(acme.tenantName);
        await expect
          .poll(() =>
            tx.query("select 1").then(
              () => "worked",
              () => "refused",
            ),
          )
          .toBe("refused");
        await tx.query("select 1");
      });
      await expect(work).rejects.toBeInstanceOf(EnvironmentMoved);
      await expect(work).rejects.toMatchObject({ code: "environment_moved", status: 503 });
      expect(await titles()).toEqual(["Acme's new home"]);
    });
  });

  test("without our having heard of it, is asked about when its old place is gone", async () => {
    expect(await titlesOf(acme)).toEqual(["Acme's home"]);
    const place = await placeWith("Acme's new home", 2);
    const old = new URL(acme.database!.url).pathname.slice(1);
    // The stream is silent about it: the registry changed without telling.
    installation.registry.putQuietly({ ...acme, database: place });
    await onServer(server.url, (client) => client.query(`drop database ${old} with (force)`));
    await expect(titlesOf(acme)).rejects.toBeInstanceOf(EnvironmentMoved);
    expect(await titlesOf(acme)).toEqual(["Acme's new home"]);
  });
});

test("a database that is broken, and didn't move, fails with its own error", async () => {
  await expect(tenantry.run(acme.id, () => tenantry.db.query("select nonsense"))).rejects.toMatchObject({
    code: "42703",
  });
  const old = new URL(acme.database!.url).pathname.slice(1);
  await onServer(server.url, (client) => client.query(`drop database ${old} with (force)`));
  await expect(titlesOf(acme)).rejects.toBeInstanceOf(DatabaseUnavailable);
});

describe("a tenant whose role gave itself another password", () => {
  let role: RuntimeEnvironment;
  let admin: string;
  const repairs = () => installation.asked.get(`environments/${role.id}/database/repair`) ?? 0;
  const setPassword = (password: string) =>
    onServer(admin, (client) => client.query(`alter role own_${databases} password '${password}'`));

  beforeEach(async () => {
    const place = await placeWith("The role's home");
    admin = place.url;
    await onServer(admin, async (client) => {
      await client.query(`create role own_${databases} login password 'own'`);
      await client.query(`grant select, insert on pages to own_${databases}`);
    });
    const url = admin.replace(/\/\/[^@]+@/, `//own_${databases}:own@`);
    role = installation.addTenant("role", { database: { ...place, url } });
    await setPassword("another");
    installation.repair = () => setPassword("own");
  });

  test("is served all the same, by one repair for however many come at once", async () => {
    const seen = await Promise.all(Array.from({ length: 20 }, () => titlesOf(role)));
    expect(new Set(seen.flat())).toEqual(new Set(["The role's home"]));
    expect(repairs()).toBe(1);
    expect(await titlesOf(other)).toEqual(["Other's home"]);
  });

  test("is served in transactions and streams, too, whose work is done once", async () => {
    let works = 0;
    const count = await tenantry.run(role.id, () =>
      tenantry.db.transaction(async (tx) => {
        works += 1;
        await tx.query("insert into pages (title) values ('second')");
        const { rows } = await tx.query<{ count: number }>("select count(*)::int as count from pages");
        return rows[0]!.count;
      }),
    );
    expect([count, works]).toEqual([2, 1]);
    await setPassword("another");
    await onServer(admin, (client) =>
      client.query("select pg_terminate_backend(pid) from pg_stat_activity where usename = $1", [
        `own_${databases}`,
      ]),
    );
    await waitUntil("the repair may be asked for again", async () => {
      const read: string[] = [];
      await tenantry
        .run(role.id, async () => {
          for await (const { title } of tenantry.db.stream<{ title: string }>(
            "select title from pages order by id",
          ))
            read.push(title);
        })
        .catch((error: unknown) => expect(error).toBeInstanceOf(DatabaseUnavailable));
      return read.length === 2;
    });
  });

  test("isn't reached when the repair comes to nothing", async () => {
    installation.repair = async () => undefined;
    await expect(titlesOf(role)).rejects.toBeInstanceOf(DatabaseUnavailable);
  });

  test("a transaction that met another tenant's closed door isn't begun a second time", async () => {
    installation.repair = async () => undefined;
    let works = 0;
    const work = tenantry.run(acme.id, () =>
      tenantry.db.transaction(async () => {
        works += 1;
        await titlesOf(role);
      }),
    );
    await expect(work).rejects.toBeInstanceOf(DatabaseUnavailable);
    expect(works).toBe(1);
  });
});
