import { randomUUID } from "node:crypto";
import { parseArgs } from "node:util";
import { createPools, type Database, openDatabase } from "@tenantry/data";
import pg from "pg";

import { embeddedLikeServer } from "../../packages/server/src/testing/database-servers.ts";
import { type SealedDatabase, sealedDatabase } from "../../packages/server/src/testing/sealed-database.ts";
import { machine, quantile } from "../common/statistics.ts";

/**
 * A row by its key at the level `shared`, against bare pg that names the tenant in WHERE, and against the usual recipe:
 * row-level security on a plain setting, in a transaction. One statement after another on one connection, in turns.
 */
const { values: options } = parseArgs({
  args: process.argv.slice(3),
  options: {
    json: { type: "boolean", default: false },
    rounds: { type: "string", default: "15" },
    statements: { type: "string", default: "1000" },
  },
});

type Contender = { name: string; ask: (turn: number) => Promise<unknown> };

const tenants = [randomUUID(), randomUUID()];
const byKey = "select title from notes where id = $1";

async function contenders(): Promise<{ list: Contender[]; close(): Promise<void> }> {
  const server = await embeddedLikeServer();
  const parameter = await sealedDatabase(server, { strategy: "parameter" });
  const statement = await sealedDatabase(server, { strategy: "statement" });
  const superuser = new pg.Client({ connectionString: parameter.superuserUrl });
  await superuser.connect();
  await makePeers(superuser);
  const peerUrl = parameter.superuserUrl.replace(/\/\/[^@]*@/, "//peer:peer@");
  const plain = new pg.Client({ connectionString: peerUrl });
  await plain.connect();
  const pools = createPools({ budgets: () => 1, environmentShare: 1 });
  const list: Contender[] = [
    {
      name: "pg, tenant in WHERE",
      ask: (turn) =>
        plain.query("select title from peer.plain where id = $1 and tenant = $2", [5, tenants[turn % 2]]),
    },
    { name: "policy on a setting, in a transaction", ask: (turn) => usualRecipe(plain, tenants[turn % 2]!) },
  ];
  const ownPlace = { environmentId: "own", serverId: "own", url: peerUrl, generation: 1 };
  const own = openDatabase({ pools, placement: ownPlace });
  list.push({
    name: "data path, database of its own",
    ask: (turn) =>
      own.query("select title from peer.plain where id = $1 and tenant = $2", [5, tenants[turn % 2]]),
  });
  for (const sealed of [parameter, statement]) {
    const [one, other] = tenants.map((id) => open(pools, sealed, id)) as [Database, Database];
    for (const database of [one, other]) {
      await database.query(
        "insert into notes (id, title) select n, 'note ' || n from generate_series(1, 1000) n",
      );
    }
    list.push({ name: `sealed by ${sealed.strategy}, one tenant`, ask: () => one.query(byKey, [5]) });
    list.push({
      name: `sealed by ${sealed.strategy}, another tenant each time`,
      ask: (turn) => (turn % 2 ? one : other).query(byKey, [5]),
    });
  }
  await superuser.query("analyze");
  return {
    list,
    async close() {
      await pools.close();
      await Promise.all([superuser.end(), plain.end()]);
      await server.stop();
    },
  };
}

function open(
  pools: ReturnType<typeof createPools>,
  sealed: SealedDatabase,
  environmentId: string,
): Database {
  const { databaseId, key, url } = sealed;
  const seal = { databaseId, environmentId, key: key.toString("base64"), pooled: false };
  const serverId = sealed.strategy;
  return openDatabase({ pools, placement: { environmentId, serverId, url, generation: 1, seal } });
}

async function makePeers(superuser: pg.Client): Promise<void> {
  await superuser.query(`
    create role peer login password 'peer';
    do $$ begin execute format('grant connect on database %I to peer', current_database()); end $$;
    create schema peer;
    create table peer.plain (tenant uuid not null, id int not null, title text, primary key (tenant, id));
    create table peer.secured (like peer.plain including all);
    alter table peer.secured enable row level security;
    create policy own on peer.secured using (tenant = current_setting('app.tenant')::uuid);
    grant usage on schema peer to peer;
    grant select on all tables in schema peer to peer;
    grant execute on function set_config to peer`);
  for (const tenant of tenants) {
    for (const table of ["plain", "secured"]) {
      await superuser.query(
        `insert into peer.${table} select $1, n, 'note ' || n from generate_series(1, 1000) n`,
        [tenant],
      );
    }
  }
}

async function usualRecipe(client: pg.Client, tenant: string): Promise<void> {
  await client.query("begin");
  await client.query("select set_config('app.tenant', $1, true)", [tenant]);
  await client.query("select title from peer.secured where id = $1", [5]);
  await client.query("commit");
}

const { list, close } = await contenders();
const taken = new Map(list.map(({ name }) => [name, [] as number[]]));
for (let round = 0; round < Number(options.rounds); round += 1) {
  for (const { name, ask } of list) {
    for (let warm = 0; warm < 50; warm += 1) await ask(warm);
    for (let turn = 0; turn < Number(options.statements); turn += 1) {
      const startedAt = performance.now();
      await ask(turn);
      taken.get(name)!.push((performance.now() - startedAt) * 1_000);
    }
  }
}
await close();
const base = quantile(taken.get(list[0]!.name)!, 0.5);
const results = [...taken].map(([name, values]) => {
  const [p50, p95] = [quantile(values, 0.5), quantile(values, 0.95)];
  return { name, p50Us: Math.round(p50), p95Us: Math.round(p95), toBare: Number((p50 / base).toFixed(2)) };
});
process.stdout.write(`${JSON.stringify({ machine: machine(), results }, null, options.json ? 0 : 2)}\n`);
