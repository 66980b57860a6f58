import { createPools, type Database, openDatabase, PoolExhausted } from "@tenantry/data";
import pg from "pg";
import type { BenchTenant } from "./tenants.ts";

export type PoolContender = {
  name: string;
  /** Reads a row of the tenant's. */
  ask(tenant: BenchTenant): Promise<void>;
  /** The share of askings that met a connection of the tenant's own, as far as it can be told. */
  hitRate(): number | undefined;
  close(): Promise<void>;
};

const byKey = "select title from notes where id = $1";

export function dataPath(backends: number): PoolContender {
  const pools = createPools({ budgets: () => backends, maxWaiters: 10_000 });
  return {
    name: "data path, one budget",
    async ask({ placement }) {
      const database: Database = openDatabase({ pools, placement });
      const { rows } = await database.query(byKey, [7]);
      if (rows.length !== 1) throw new Error("The row is missing.");
    },
    hitRate() {
      const { leases, passedOn, opened } = pools.stats()[0]!;
      return (leases - passedOn - opened) / leases;
    },
    close: () => pools.close(),
  };
}

async function askWithin(client: pg.ClientBase, { level, id }: BenchTenant): Promise<void> {
  if (level !== "shared") {
    await client.query(byKey, [7]);
    return;
  }
  await client.query("begin");
  await client.query("select set_config('app.tenant', $1, true)", [id]);
  await client.query("select title from peer.notes where id = $1", [7]);
  await client.query("commit");
}

/** What applications write by themselves: a pool for each tenant, and the one that wasn't used for longest is ended. */
export function poolForEach(backends: number): PoolContender {
  const pools = new Map<string, { pool: pg.Pool; asked: number }>();
  let [asked, hits] = [0, 0];

  async function open({ id, peerUrl }: BenchTenant) {
    const known = pools.get(id);
    if (known) {
      pools.delete(id);
      pools.set(id, known);
      return known;
    }
    const pool = new pg.Pool({ connectionString: peerUrl, max: 1, connectionTimeoutMillis: 10_000 });
    pool.on("error", () => undefined);
    const made = { pool, asked: 0 };
    pools.set(id, made);
    if (pools.size > backends) {
      const [oldest, { pool: ended }] = pools.entries().next().value!;
      pools.delete(oldest);
      await ended.end();
    }
    return made;
  }

  return {
    name: "a pg.Pool for each tenant, LRU",
    async ask(tenant) {
      asked += 1;
      const { pool } = await open(tenant);
      if (pool.totalCount > 0) hits += 1;
      const client = await pool.connect();
      try {
        await askWithin(client, tenant);
      } finally {
        client.release();
      }
    },
    hitRate: () => hits / asked,
    async close() {
      await Promise.all([...pools.values()].map(({ pool }) => pool.end()));
    },
  };
}

/** The other extreme, for tenants that share all tables: one pool for everybody, a policy on a setting. */
export function onePool(backends: number, url: string): PoolContender {
  const pool = new pg.Pool({ connectionString: url, max: backends });
  return {
    name: "one pg.Pool, policy on a setting",
    async ask(tenant) {
      const client = await pool.connect();
      try {
        await askWithin(client, tenant);
      } finally {
        client.release();
      }
    },
    hitRate: () => undefined,
    close: () => pool.end(),
  };
}

/** Turned away because too many waited or the server was full, as opposed to a mistake of the bench. */
export function isTurnedAway(error: unknown): boolean {
  if (error instanceof PoolExhausted) return true;
  const { code, message } = error as { code?: string; message?: string };
  return code === "53300" || /timeout|after calling end/i.test(message ?? "");
}
