import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import type { CredentialsReply, OperationReply } from "@tenantry/contract";
import pg from "pg";
import { startInstallation } from "../common/installation.ts";
import { machine, quantile } from "../common/statistics.ts";

/**
 * What a tenant of a shared database notices of another one with very many rows, while that one is migrated, copied and
 * deleted: the time of its own statements, one after another with a pause of 5 ms, by its own login.
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
      prefer: "wait=60",
      ...(body ? { "content-type": "application/json" } : {}),
    },
    body: body ? JSON.stringify(body) : null,
  });
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
  return (await response.json()) as Body;
}

async function ended({ id }: { id: string }): Promise<void> {
  for (;;) {
    const { endedAt, status, error } = await call<OperationReply>("GET", `/v1/operations/${id}`);
    if (endedAt !== null && status !== "succeeded") throw new Error(JSON.stringify(error));
    if (endedAt !== null) return;
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
  "its deletion": async () => ended(await call<OperationReply>("DELETE", "/v1/tenants/large?now=true")),
};

async function clone(level: string): Promise<void> {
  const body = { slug: `copy-${level}`, name: "Copy", isolation: { database: level } };
  const reply = await call<OperationReply | { slug: string }>("POST", "/v1/tenants/large/clone", body);
  // Within a minute it answers the tenant itself.
  if ("steps" in reply) await ended(reply);
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

type Result = { doing: string; tookMs: number; statements: number; p50: number; p99: number; max: number };

async function measure(client: pg.Client): Promise<Result[]> {
  let times: number[] = [];
  let goesOn = true;
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
    times = [];
    const startedAt = performance.now();
    await work();
    const tookMs = Math.round(performance.now() - startedAt);
    const [p50, p99, max] = [0.5, 0.99, 1].map((share) => Math.round(quantile(times, share) * 10) / 10);
    results.push({ doing, tookMs, statements: times.length, p50: p50!, p99: p99!, max: max! });
  }
  goesOn = false;
  await working;
  return results;
}

function report(results: readonly Result[]): void {
  if (options.json) {
    process.stdout.write(`${JSON.stringify({ machine: machine(), rows: options.rows, results }, null, 2)}\n`);
    return;
  }
  const rows = results.map(
    ({ doing, tookMs, statements, p50, p99, max }) =>
      `${doing.padEnd(30)} ${String(tookMs).padStart(8)} ${String(statements).padStart(11)} ${[p50, p99, max].map((one) => String(one).padStart(8)).join("")}`,
  );
  process.stdout.write(
    `${machine()}, ${options.rows} rows\n\n${"meanwhile".padEnd(30)}  took ms  statements     p50     p99     max\n${rows.join("\n")}\n`,
  );
}
