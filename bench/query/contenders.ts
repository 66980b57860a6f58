import { randomUUID } from "node:crypto";
import { createPools, type Database, openDatabase, type Pools } from "@tenantry/data";
import pg from "pg";
import type { SealedDatabase } from "../../packages/server/src/testing/sealed-database.ts";
import { openPassing, openStaying } from "./by-hand.ts";
import { usualRecipe } from "./peers.ts";
import { openPrisma } from "./prisma.ts";

export type Contender = {
  name: string;
  ask: (turn: number) => Promise<unknown>;
  /** Nobody asks anything for so long before each statement, as between the requests of a service that isn't busy. */
  pauseMs?: number;
  close?: () => Promise<void>;
};

/** Long enough for what is done between statements, and so short that connections stay open. */
const pauseMs = 5;

export type Places = {
  /** A role's URL to the peers' tables. */
  peerUrl: string;
  sealed: SealedDatabase[];
  tenants: readonly string[];
  /** Leads the way to a server that is reached over a slower link, if any. */
  via: (url: string) => string;
};

const byKey = "select title from notes where id = $1";
const fill = "insert into notes (id, title) select n, 'note ' || n from generate_series(1, 1000) n";
const named = "select title from peer.plain where id = $1 and tenant = $2";

/**
 * Everybody on one connection, one statement after another; each is compared with the first, those that pause with the
 * first of these.
 */
export async function openContenders({ peerUrl, sealed, tenants, via }: Places, withPrisma: boolean) {
  const plain = new pg.Client({ connectionString: via(peerUrl) });
  await plain.connect();
  const budgets = (serverId: string) => (serverId.startsWith("many") ? 10 : 1);
  const pools = createPools({ budgets, environmentShare: 1 });
  const list: Contender[] = [
    { name: "pg, tenant in WHERE", ask: (turn) => plain.query(named, [5, tenants[turn % 2]]) },
    {
      name: "pg, tenant in WHERE, prepared",
      ask: (turn) => plain.query({ name: "by_key", text: named, values: [5, tenants[turn % 2]] }),
    },
    {
      name: "pg, tenant in WHERE, after pauses",
      ask: (turn) => plain.query(named, [5, tenants[turn % 2]]),
      pauseMs,
    },
    { name: "policy on a setting, in a transaction", ask: (turn) => usualRecipe(plain, tenants[turn % 2]!) },
  ];
  const prisma = withPrisma ? await openPrisma(via(peerUrl), tenants) : undefined;
  if (prisma) list.push({ name: "Prisma's extension for row-level security", ask: prisma.ask });
  for (const [level, url] of [
    ["database", peerUrl],
    ["schema", peerUrl.replace("//peer:peer@", "//own_0:own@")],
  ] as const) {
    const placement = { environmentId: level, serverId: level, url: via(url), generation: 1 };
    const database = openDatabase({ pools, placement });
    list.push({
      name: `level ${level}`,
      ask: () => (level === "schema" ? database.query(byKey, [5]) : database.query(named, [5, tenants[0]])),
    });
  }
  for (const each of sealed) list.push(...(await sealedContenders(pools, each, { tenants, via })));
  return {
    list,
    async close() {
      await Promise.all([pools.close(), plain.end(), prisma?.close(), ...list.map((each) => each.close?.())]);
    },
  };
}

async function sealedContenders(
  pools: Pools,
  sealed: SealedDatabase,
  { tenants, via }: Pick<Places, "tenants" | "via">,
): Promise<Contender[]> {
  const { databaseId, key, url, strategy } = sealed;
  const placements = tenants.map((environmentId) => {
    const seal = { databaseId, environmentId, key: key.toString("base64"), pooled: false };
    return { environmentId, serverId: strategy, url: via(url), generation: 1, seal };
  });
  const databases = placements.map((placement) => openDatabase({ pools, placement })) as [Database, Database];

  /** What nobody may do: the session believes that it was this tenant's all along. */
  async function withoutReset(turn: number): Promise<unknown> {
    const { connection, release } = await pools.lease(placements[turn % 2]!);
    connection.session!.environmentId = tenants[turn % 2];
    release();
    return databases[turn % 2]!.query(byKey, [5]);
  }
  for (const database of databases) await database.query(fill);
  const many = await openMany(pools, { databaseId, key, url: via(url), strategy });
  const calm = await openMany(pools, { databaseId, key, url: via(url), strategy: `${strategy} calm` });
  const level = `level shared by ${strategy}`;
  const staying = await openOne(pools, { databaseId, key, url: via(url), strategy: `${strategy} one` });
  const asking = { environmentId: tenants[0]!, text: byKey };
  const there = { ...sealed, url: via(url) };
  return [
    { name: `${level}, one tenant`, ask: staying },
    { name: `${level}, the same message by hand`, ...(await openStaying(there, asking)) },
    { name: `${level}, another tenant each time`, ask: (turn) => databases[turn % 2]!.query(byKey, [5]) },
    { name: `${level}, a message like it by hand`, ...(await openPassing(there, asking)) },
    { name: `${level}, the same without the reset`, ask: withoutReset },
    { name: `${level}, another of 100 tenants each time, 10 connections`, ask: many },
    { name: `${level}, the same after pauses`, ask: calm, pauseMs },
  ];
}

type Place = Pick<SealedDatabase, "databaseId" | "key" | "url"> & { strategy: string };

/** A tenant whose connection stays its own. */
async function openOne(pools: Pools, { databaseId, key, url, strategy }: Place): Promise<Contender["ask"]> {
  const environmentId = randomUUID();
  const seal = { databaseId, environmentId, key: key.toString("base64"), pooled: false };
  const placement = { environmentId, serverId: strategy, url, generation: 1, seal };
  const database = openDatabase({ pools, placement });
  await database.query(fill);
  return () => database.query(byKey, [5]);
}

/** A pool as applications have it, and more tenants than connections: everybody finds those of others. */
async function openMany(pools: Pools, { databaseId, key, url, strategy }: Place): Promise<Contender["ask"]> {
  const databases = Array.from({ length: 100 }, () => {
    const environmentId = randomUUID();
    const seal = { databaseId, environmentId, key: key.toString("base64"), pooled: false };
    const placement = { environmentId, serverId: `many ${strategy}`, url, generation: 1, seal };
    return openDatabase({ pools, placement });
  });
  for (const database of databases) {
    await database.query(
      "insert into notes (id, title) select n, 'note ' || n from generate_series(1, 20) n",
    );
  }
  return (turn) => databases[turn % databases.length]!.query(byKey, [5]);
}
