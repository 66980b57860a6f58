import type { RuntimeSnapshot } from "@tenantry/contract";
import { describe, expect, it } from "vitest";
import { createVersionWatch, sql } from "../../infra/db/index.ts";
import { type Api, bearerKey, type Principal } from "../../infra/http/index.ts";
import { silentLog } from "../../infra/log/index.ts";
import { newId, systemClock } from "../../kernel/index.ts";
import { createTestApi } from "../../testing/api.ts";
import { type TestRegistry, testRegistry } from "../../testing/registry.ts";
import { insertTestApp } from "../../testing/tenants.ts";
import { createAccess } from "../access/index.ts";
import { runtimeBudgets } from "../placements/index.ts";
import { createSettings } from "../settings/index.ts";
import { createBudgets, readSnapshot, runtimeRoutes } from "./index.ts";

it("renews a process's share every five seconds however often it asks, and never takes it for another's", async () => {
  let now = 0;
  const leased: string[] = [];
  const budgets = createBudgets(
    async (appId, process) => {
      leased.push(`${appId} ${process}`);
      return [{ serverId: "srv_1", backends: leased.length }];
    },
    () => now,
  );
  for (now of [1_000, 2_000, 5_900])
    expect(await budgets("a", "p")).toEqual([{ serverId: "srv_1", backends: 1 }]);
  expect(await budgets("b", "p")).toEqual([{ serverId: "srv_1", backends: 2 }]);
  expect(await budgets("a", undefined)).toEqual([{ serverId: "srv_1", backends: 3 }]);
  now = 6_100;
  expect(await budgets("a", "p")).toEqual([{ serverId: "srv_1", backends: 4 }]);
  expect(leased).toEqual(["a p", "b p", "a any", "a p"]);
});

it("an application's 65th process shares with those without a name until one of the others has gone", async () => {
  let now = 0;
  const leased: string[] = [];
  const budgets = createBudgets(
    async (appId, process) => {
      leased.push(`${appId} ${process}`);
      return [];
    },
    () => now,
  );
  for (let index = 0; index < 1_000; index += 1) await budgets("a", `process-${index}`);
  expect(leased).toHaveLength(65);
  expect(leased.at(-1)).toBe("a any");
  await budgets("b", "process-0");
  expect(leased.at(-1)).toBe("b process-0");
  now = 30_001;
  await budgets("a", "process-999");
  expect(leased.at(-1)).toBe("a process-999");
});

describe("over the API, a client that invents processes", () => {
  it("neither takes its neighbour's part of the connections nor grows its own", async () => {
    const world = await createWorld();
    const grab = async (round: string) => {
      const names = Array.from({ length: 300 }, (_, index) => `${round}-process-${index}`);
      await Promise.all(names.map((name) => world.ask("hostile", name)));
      return world.held();
    };
    try {
      expect(await grab("first")).toEqual({ hostile: 43, honest: 0 });
      expect(await world.ask("honest", "a-process")).toBe(7);
      await world.letHostileLeasesLapse();
      await grab("second");
      expect(await world.ask("honest", "a-process")).toBe(16);
      expect(await world.held()).toEqual({ hostile: 21, honest: 16 });
    } finally {
      await world.close();
    }
  });
});

/** A server with fifty connections, and the applications `hostile` and `honest` on it. */
async function createWorld() {
  const registry = await testRegistry();
  const { db, notifications } = registry;
  const apps = {
    hostile: await insertTestApp(db, "hostile"),
    honest: await insertTestApp(db, "honest"),
  };
  await insertServer(registry, Object.values(apps));
  let now = 1_000;
  const budgets = createBudgets(
    (appId, process) => runtimeBudgets(db, { appId, process }),
    () => now,
  );
  const settings = createSettings({});
  const snapshot = (question: Parameters<typeof readSnapshot>[1]) =>
    readSnapshot(
      {
        db,
        settings,
        places: async () => new Map(),
        keys: async () => ({ keys: [] }),
        budgets,
        issuer: "",
        jobKey: () => "",
      },
      question,
    );
  const principals = new Map<string, Principal>(
    Object.entries(apps).map(([slug, appId]) => [slug, { kind: "app", keyId: newId(), appId }]),
  );
  const api: Api = await createTestApi({
    groups: [
      runtimeRoutes({
        db,
        ...createAccess({ db, log: silentLog, clock: systemClock, settings }),
        snapshot,
        versions: createVersionWatch({ db, notifications, log: silentLog, stream: "runtime" }),
        repairLogin: () => Promise.reject(new Error("Nobody asks for it here.")),
        publicUrl: (hostname) => `http://${hostname}/`,
        repairCache: async () => false,
        repairGlobalCache: async () => false,
        storageKeys: () => Promise.reject(new Error("Nobody asks for them here.")),
      }),
    ],
    authenticate: async (request) => principals.get(bearerKey(request) ?? ""),
  });
  return {
    async ask(app: keyof typeof apps, process: string): Promise<number> {
      const url = `/v1/runtime/snapshot?process=${process}`;
      const reply = await api.inject({ url, headers: { authorization: `Bearer ${app}` } });
      expect(reply.statusCode).toBe(200);
      return reply.json<RuntimeSnapshot>().budgets[0]!.backends;
    },
    async held() {
      const of = async (appId: string) => {
        const { rows } = await sql<{ sum: number }>`
          select coalesce(sum(backends), 0)::int as sum from backend_leases
          where starts_with(holder, ${appId}) and lease_until > clock_timestamp()
        `.execute(db);
        return rows[0]!.sum;
      };
      return { hostile: await of(apps.hostile), honest: await of(apps.honest) };
    },
    /** Its neighbour has gone on asking meanwhile. */
    async letHostileLeasesLapse() {
      now += 31_000;
      await sql`update backend_leases set lease_until = now() where starts_with(holder, ${apps.hostile})`.execute(
        db,
      );
    },
    async close() {
      await api.close();
      await registry.close();
    },
  };
}

async function insertServer({ db }: TestRegistry, appIds: readonly string[]): Promise<void> {
  const id = newId();
  await sql`
    insert into database_servers (id, name, kind, url_secret, max_backends) values (${id}, 'one', 'external', '', 50)
  `.execute(db);
  for (const [index, appId] of appIds.entries()) {
    await sql`
      insert into databases (id, server_id, app_id, level, name, schema_version, state)
      values (${newId()}, ${id}, ${appId}, 'database', ${`database ${index}`}, 1, 'in_use')
    `.execute(db);
  }
}
