import { readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import type { CredentialsReply, OperationReply } from "@tenantry/contract";
import pg from "pg";
import { startInstallation } from "../common/installation.ts";
import { machine, quantile } from "../common/statistics.ts";

/**
 * What a tenant of a shared database notices of another one with very many rows, while that one is migrated, copied, moved
 * away and back, and deleted: the time of its own statements, one after another with a pause of 5 ms, by its own login. And
 * what the node's memory and the operation's progress do meanwhile.
 */
const { values: options } = parseArgs({
  args: process.argv.slice(3),
  options: { json: { type: "boolean", default: false }, rows: { type: "string", default: "1000000" } },
});

const installation = await startInstallation();

async function call<Body>(method: string, path: string, body?: object): Promise<Body> {
  const response = await fetch(installation.apiUrl + path, {
    method,
    headers: {
      authorization: `Bearer ${installation.apiKey}`,
      ...(path === "/v1/tenants" && { prefer: "wait=60" }),
      ...(body ? { "content-type": "application/json" } : {}),
    },
    body: body ? JSON.stringify(body) : null,
  });
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
  return (await response.json()) as Body;
}

const columns = ["tookMs", "statements", "p50", "p95", "p99", "max", "shown", "memory"] as const;

/** How far operations said that they are. */
let shown = new Set<string>();

async function ended({ id }: { id: string }): Promise<void> {
  for (;;) {
    const { endedAt, status, error, progress, message } = await call<OperationReply>(
      "GET",
      `/v1/operations/${id}`,
    );
    if (endedAt !== null && status !== "succeeded") throw new Error(JSON.stringify(error));
    if (endedAt !== null) return;
    shown.add(`${progress} ${message}`);
    await delay(20);
  }
}

const files = [
  `create table notes (id int generated always as identity primary key, title text not null,
    created_at timestamptz not null default now());
   create index notes_created on notes (created_at);`,
];
const release = () => ({
  upstreamUrl: "http://127.0.0.1:9",
  migrations: files.map((sql, index) => ({ name: `000${index + 1}.sql`, sql })),
});

async function migrate(sql: string): Promise<void> {
  files.push(sql);
  await ended(await call<OperationReply>("POST", "/v1/apps/bench/releases", release()));
}

async function loginOf(slug: string): Promise<pg.Client> {
  const path = `/v1/tenants/${slug}/environments/production/credentials`;
  const { url } = await call<CredentialsReply>("PUT", path);
  const client = new pg.Client({ connectionString: url });
  // What goes wrong is told by the statement, or is over.
  client.on("error", () => undefined);
  await client.connect();
  return client;
}

/** What is done to the large tenant, in this order. */
const doings: Record<string, () => Promise<unknown>> = {
  "nothing, for 5 s": () => delay(5_000),
  "a column with a default": () => migrate("alter table notes add column stars int not null default 0;"),
  "an UPDATE of all rows": () => migrate("update notes set stars = length(title);"),
  "an index": () => migrate("create index notes_stars on notes (stars);"),
  "an index, concurrently": () =>
    migrate("-- tenantry: no-transaction\ncreate index concurrently notes_titles on notes (title, stars);"),
  "a copy into a database": () => clone("database"),
  "a copy into the same database": () => clone("shared"),
  "another type, for all rows": () =>
    migrate("-- tenantry: contract\nalter table notes alter column stars type bigint;"),
  "a move to a database": () => move("database"),
  "a move back": () => move("shared"),
  "its deletion": async () => ended(await call<OperationReply>("DELETE", "/v1/tenants/large?now=true")),
};

async function clone(level: string): Promise<void> {
  const body = { slug: `copy-${level}`, name: "Copy", isolation: { database: level } };
  const reply = await call<OperationReply | { slug: string }>("POST", "/v1/tenants/large/clone", body);
  // Within a minute it answers the tenant itself.
  if ("steps" in reply) await ended(reply);
}

async function move(level: string): Promise<void> {
  const path = "/v1/tenants/large/environments/production/move";
  await ended(await call<OperationReply>("POST", path, { isolation: { database: level } }));
}

/** What the node has in memory, MiB. */
function memory(): number {
  const status = readFileSync(`/proc/${installation.pid}/status`, "utf8");
  return Math.round(Number(/VmRSS:\s+(\d+)/.exec(status)![1]) / 1_024);
}

try {
  const made = await call<{ operationId: string }>("POST", "/v1/apps", { slug: "bench", ...release() });
  await ended({ id: made.operationId });
  for (const slug of ["large", "small"])
    await call("POST", "/v1/tenants", { slug, name: slug, app: "bench", isolation: { database: "shared" } });
  const [large, small] = [await loginOf("large"), await loginOf("small")];
  await large.query(
    `insert into notes (title) select 'note ' || n from generate_series(1, ${Number(options.rows)}) n`,
  );
  await large.end();
  report(await measure(small));
  await small.end();
} finally {
  await installation.stop();
}

type Result = { doing: string; tookMs: number; statements: number; shown: number; memory: number } & Record<
  "p50" | "p95" | "p99" | "max",
  number
>;

async function measure(client: pg.Client): Promise<Result[]> {
  let times: number[] = [];
  let goesOn = true;
  let most = 0;
  const weighing = setInterval(() => {
    most = Math.max(most, memory());
  }, 100);
  const working = (async () => {
    for (let number = 0; goesOn; number += 1) {
      const startedAt = performance.now();
      await client.query(
        number % 2 ? "insert into notes (title) values ('mine')" : "select * from notes where id <= 50",
      );
      times.push(performance.now() - startedAt);
      await delay(5);
    }
  })();
  const results: Result[] = [];
  for (const [doing, work] of Object.entries(doings)) {
    [times, shown, most] = [[], new Set(), memory()];
    const startedAt = performance.now();
    await work();
    const tookMs = Math.round(performance.now() - startedAt);
    const at = (share: number) => Math.round(quantile(times, share) * 10) / 10;
    results.push({
      ...{ doing, tookMs, statements: times.length, shown: shown.size, memory: most },
      ...{ p50: at(0.5), p95: at(0.95), p99: at(0.99), max: at(1) },
    });
  }
  goesOn = false;
  clearInterval(weighing);
  await working;
  return results;
}

function report(results: readonly Result[]): void {
  if (options.json) {
    process.stdout.write(`${JSON.stringify({ machine: machine(), rows: options.rows, results }, null, 2)}\n`);
    return;
  }
  const rows = results.map(
    ({ doing, ...figures }) =>
      `${doing.padEnd(30)}${columns.map((name) => String(figures[name]).padStart(11)).join("")}`,
  );
  process.stdout.write(
    `${machine()}, ${options.rows} rows\n\n${"meanwhile".padEnd(30)}${columns.map((name) => name.padStart(11)).join("")}\n${rows.join("\n")}\n`,
  );
}
