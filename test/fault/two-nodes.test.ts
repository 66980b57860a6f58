import { randomBytes } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync } from "node:fs";
import { rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import type { AppReply, MigrationListReply, OperationReply, TenantReply } from "@tenantry/contract";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { testPostgres } from "../../packages/server/src/testing/postgres.ts";
import { testPostgres15 } from "../../packages/server/src/testing/postgres-15.ts";
import { type Api, createApi } from "../support/api.ts";
import { finish, spawnTenantry } from "../support/command.ts";
import { eventually } from "../support/eventually.ts";
import { fresh } from "../support/fresh.ts";
import { ask } from "../support/http.ts";
import type { Operator } from "../support/installation.ts";
import { killAll, treeOf } from "../support/process-tree.ts";
import { databaseUrl, query, withClient } from "../support/registry.ts";

type Node = {
  api: Api;
  operator(): Operator;
  /** Whether it is, or has, the process of this id. */
  has(processId: number): boolean;
  /** Whether its process is there. */
  isUp(): boolean;
  /** Whether it has started; throws when it ended instead. */
  isRunning(): boolean;
  /** As a service manager stops it; answers its exit code. */
  stop(): Promise<number | null>;
  /** `kill -9` of all that belongs to it. */
  kill(): Promise<void>;
};

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(path.join(tmpdir(), "tenantry-two-nodes-"));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

/** All roles in one process of `tenantry serve`, as an operator starts several of. */
function startNode(name: string, environment: Record<string, string>): Node {
  const dataDir = path.join(directory, name);
  const flags = ["--data-dir", dataDir, "--api-port", "0", "--gateway-port", "0", "--drain-delay-ms", "0"];
  const child = spawnTenantry(["serve", "--role", "api,worker,gateway", ...flags], { environment });
  const finished = finish(child);
  let said = "";
  child.stderr!.on("data", (text: string) => {
    said += text;
  });
  const operator = () => JSON.parse(readFileSync(path.join(dataDir, "operator.json"), "utf8")) as Operator;
  return {
    operator,
    api: createApi(operator),
    has: (processId) => treeOf(child.pid!).some(({ pid }) => pid === processId),
    isUp: () => child.exitCode === null && child.signalCode === null,
    isRunning() {
      if (child.exitCode !== null) throw new Error(`${name} ended: ${said}`);
      return existsSync(path.join(dataDir, "operator.json")) && said.includes("node.running");
    },
    async stop() {
      process.kill(-child.pid!, "SIGTERM");
      return (await finished).code;
    },
    async kill() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const tree = treeOf(child.pid!);
      for (const { pid } of tree) process.kill(pid, "SIGSTOP");
      await killAll(tree);
      await finished;
    },
  };
}

describe.each([
  ["15", testPostgres15],
  ["18", testPostgres],
] as const)("two nodes of all roles over one PostgreSQL %s", (version, startServer) => {
  let server: { url: string; stop(): Promise<void> };
  let registryUrl: string;
  let environment: Record<string, string>;
  let count = 0;
  /** Those that ran in a test before may have been killed there. */
  let nodes: Node[] = [];
  /** What the first two found, and made of it. */
  let beginnings: Record<string, number> | undefined;

  function addNode(): Node {
    count += 1;
    const node = startNode(`node-${version}-${count}`, environment);
    nodes.push(node);
    return node;
  }

  beforeAll(async () => {
    server = await startServer();
    await query(server.url, "create role operator login createdb createrole password 'operator'");
    await query(server.url, "create database tenantry owner operator");
    registryUrl = databaseUrl(server.url, "tenantry").replace(/\/\/[^@]*@/, "//operator:operator@");
    const masterKeyFile = path.join(directory, `master-${version}.key`);
    await writeFile(masterKeyFile, randomBytes(32).toString("base64"), { mode: 0o600 });
    environment = { DATABASE_URL: registryUrl, TENANTRY_MASTER_KEY_FILE: masterKeyFile };
    await twoNodes();
    [beginnings] = await query<Record<string, number>>(
      registryUrl,
      `select (select count(*) from installation)::int as installations, (select count(*) from nodes)::int as nodes,
        (select count(*) from apps)::int as apps, (select count(*) from releases)::int as releases,
        (select count(*) from signing_keys)::int as keys, (select count(*) from database_servers)::int as servers`,
    );
  });
  afterAll(async () => {
    await Promise.all(nodes.map((node) => node.kill()));
    await server?.stop();
  });

  async function twoNodes(): Promise<[Node, Node]> {
    nodes = nodes.filter((node) => node.isUp());
    while (nodes.length < 2) addNode();
    await eventually("both run", () => nodes.every((node) => node.isRunning()));
    return nodes.slice(0, 2) as [Node, Node];
  }

  it("start at once on an empty registry: one installation, one Sites, and each knows the other's key", async () => {
    expect(beginnings).toEqual({ installations: 1, nodes: 2, apps: 1, releases: 1, keys: 1, servers: 1 });
    const [first, second] = await twoNodes();
    const reply = await fetch(`${second.operator().url}/v1/tenants`, {
      headers: { authorization: `Bearer ${first.operator().apiKey}` },
    });
    expect(reply.status).toBe(200);
  });

  it("have heard at both gateways what the API of one says, by the time it says it", async () => {
    const both = await twoNodes();
    const [{ api }] = both;
    const ports = both.map((node) => Number(new URL(node.operator().gatewayUrl).port));
    const statuses = (slug: string) =>
      Promise.all(ports.map(async (port) => (await ask(port, `${slug}.localhost`, "/")).status));
    for (let round = 0; round < 5; round += 1) {
      const slug = fresh("heard");
      const where = `/v1/tenants/${slug}`;
      await api.createTenant(slug);
      expect(await statuses(slug)).toEqual([200, 200]);
      await api.call("POST", `${where}/suspend`);
      expect(await statuses(slug)).toEqual([503, 503]);
      await api.call("POST", `${where}/resume`);
      expect(await statuses(slug)).toEqual([200, 200]);
      await api.call("DELETE", where);
      expect(await statuses(slug)).toEqual([410, 410]);
      const { body } = await api.call<OperationReply>("DELETE", `${where}?now=true`);
      expect(await api.ended(body.id)).toMatchObject({ status: "succeeded" });
      expect(await statuses(slug)).toEqual([404, 404]);
    }
  });

  it("lose no request of their visitors when a third, which ran the application too, is stopped", async () => {
    const [first] = await twoNodes();
    const slug = fresh("zoe");
    await first.api.createTenant(slug);
    const third = addNode();
    await eventually("it runs", () => third.isRunning());
    const port = Number(new URL(first.operator().gatewayUrl).port);
    const statuses: number[] = [];
    const isOver = new AbortController();
    const visitors = Promise.all(
      Array.from({ length: 4 }, async () => {
        while (!isOver.signal.aborted) statuses.push((await ask(port, `${slug}.localhost`, "/")).status);
      }),
    );
    try {
      await eventually("visitors come", () => statuses.length > 20);
      expect(await third.stop()).toBe(0);
    } finally {
      isOver.abort();
      await visitors;
    }
    expect(statuses.filter((status) => status !== 200)).toEqual([]);
  });

  it("go on with every operation when one of them is killed, and serve what was made", async () => {
    const [first, second] = await twoNodes();
    const slugs = ["anna", "bert", "cleo", "dora", "emil", "fred"].map(fresh);
    const begun = await Promise.all(
      slugs.map((slug) =>
        first.api.call<OperationReply>("POST", "/v1/tenants", { slug, name: `The ${slug} company` }),
      ),
    );
    expect(begun.map(({ status }) => status)).toEqual(slugs.map(() => 202));
    await first.kill();
    for (const { body } of begun) {
      expect((await second.api.ended(body.id)).status).toBe("succeeded");
    }
    const port = Number(new URL(second.operator().gatewayUrl).port);
    for (const slug of slugs) {
      const { body } = await second.api.call<TenantReply>("GET", `/v1/tenants/${slug}`);
      expect(body.status).toBe("active");
      await eventually(`${slug} is served`, async () => {
        const page = await ask(port, `${slug}.localhost`, "/");
        return page.status === 200 && page.body.includes(`The ${slug} company`);
      });
    }
    const [left] = await query<{ open: number }>(
      registryUrl,
      "select count(*)::int as open from resources where state <> 'present' and environment_id is not null",
    );
    expect(left).toEqual({ open: 0 });
  });

  it("bring a fleet to its version when the one that does it is killed in the middle: each tenant gets the file once", async () => {
    const both = await twoNodes();
    const { api } = both[0];
    const app = fresh("fleet");
    const first = "create table notes (id int);";
    const second = "alter table notes add column stars int; insert into notes values (2, 2);";
    const release = (...texts: string[]) => ({
      upstreamUrl: "http://127.0.0.1:9",
      migrations: texts.map((sql, index) => ({ name: `000${index + 1}.sql`, sql })),
    });
    const made = await api.call<AppReply & { operationId: string }>("POST", "/v1/apps", {
      slug: app,
      ...release(first),
    });
    expect(await api.ended(made.body.operationId)).toMatchObject({ status: "succeeded" });
    for (const level of ["database", "schema", "database", "schema"])
      await api.createTenant(fresh("member"), { app, isolation: { database: level } });
    const places = await query<{ name: string }>(
      registryUrl,
      `select d.name from databases d join apps a on a.id = d.app_id where a.slug = $1 and d.state = 'in_use'`,
      [app],
    );
    const tables = places.map(({ name }) => {
      const [database, schema = "public"] = name.split(".");
      return { url: databaseUrl(server.url, database!), table: `${schema}.notes` };
    });
    const last = tables.find(({ table }) => table === "public.notes")!;
    const survivor = await withClient(last.url, async (client) => {
      await client.query(`begin; lock table ${last.table} in access exclusive mode`);
      const released = await api.call<OperationReply>(
        "POST",
        `/v1/apps/${app}/releases`,
        release(first, second),
      );
      const { id } = released.body;
      await eventually("all but one are done", async () => {
        const { body } = await api.call<MigrationListReply>("GET", `/v1/apps/${app}/migrations`);
        return body.items.filter(({ schemaVersion }) => schemaVersion === 2).length === 3;
      });
      const [work] = await query<{ holder: string }>(
        registryUrl,
        "select lease_holder as holder from operations where kind = 'app.release' order by created_at desc limit 1",
      );
      const [, processId] = work!.holder.split(" ");
      const worker = both.find((node) => node.has(Number(processId)))!;
      const other = both.find((node) => node !== worker)!;
      await worker.kill();
      await client.query("rollback");
      expect(await other.api.ended(id)).toMatchObject({ status: "succeeded" });
      return other;
    });
    const { body } = await survivor.api.call<MigrationListReply>("GET", `/v1/apps/${app}/migrations`);
    expect(body.counts).toEqual({ environments: 4, current: 4, behind: 0, failed: 0, heldBack: 0 });
    for (const { url, table } of tables)
      expect(await query(url, `select * from ${table}`)).toEqual([{ id: 2, stars: 2 }]);
  });
});
