import { randomBytes } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import type { OperationReply } from "@tenantry/contract";
import { afterAll, beforeAll, expect, it } from "vitest";
import { testPostgres15 } from "../../packages/server/src/testing/postgres-15.ts";
import { Installation, startInstallation } from "../support/installation.ts";
import { databaseUrl, query } from "../support/registry.ts";

let server: Awaited<ReturnType<typeof testPostgres15>>;
beforeAll(async () => {
  server = await testPostgres15();
});
afterAll(() => server?.stop());

/** An empty database and the role that owns it, which may make databases and roles and is no superuser. */
async function handOver(): Promise<string> {
  const name = `operator_${randomBytes(4).toString("hex")}`;
  const password = randomBytes(12).toString("hex");
  await query(server.url, `create role ${name} login createdb createrole password '${password}'`);
  await query(server.url, `create database ${name} owner ${name}`);
  const url = new URL(databaseUrl(server.url, name));
  url.username = name;
  url.password = password;
  return url.href;
}

const names = async (text: string) =>
  (await query<{ name: string }>(server.url, text)).map(({ name }) => name);
const databases = () => names("select datname as name from pg_database where datname ~ '^tn_' order by 1");
const logins = () => names("select rolname as name from pg_roles where rolname ~ '^tn(r|mb?)_' order by 1");

it("on a PostgreSQL 15 with a role that has only CREATEDB and CREATEROLE, a tenant comes, is served and goes without a trace", async () => {
  await using installation = await startInstallation({
    environment: { DATABASE_URL: await handOver() },
  });
  const acme = await installation.api.createTenant("acme", { name: "Acme Ltd" });
  const { name } = acme.environments[0]!.placements.database as { name: string };
  expect(await databases()).toContain(name);
  const page = await installation.visit("acme");
  expect(page.status).toBe(200);
  expect(page.body).toContain("Acme Ltd");

  const deletion = await installation.api.call<OperationReply>("DELETE", "/v1/tenants/acme?now=true");
  expect(await installation.api.ended(deletion.body.id)).toMatchObject({ status: "succeeded" });
  expect(await installation.visit("acme")).toMatchObject({ status: 404 });
  expect(await databases()).not.toContain(name);
  expect(await logins()).not.toContain(name.replace("tn_", "tnr_"));
  expect(await installation.interrupt()).toMatchObject({ code: 0, stderr: "" });
});

it("two nodes that start at once on one empty database migrate it once, and serve the same tenants", async () => {
  await using stack = new AsyncDisposableStack();
  const directory = await mkdtemp(path.join(tmpdir(), "tenantry-e2e-key-"));
  stack.defer(() => rm(directory, { recursive: true }));
  const keyFile = path.join(directory, "master.key");
  await writeFile(keyFile, randomBytes(32).toString("base64"), { mode: 0o600 });
  const environment = { DATABASE_URL: await handOver(), TENANTRY_MASTER_KEY_FILE: keyFile };
  await using first = new Installation({ environment });
  await using second = new Installation({ environment });
  await Promise.all([first.start(), second.start()]);
  const counts = await first.sql(`select (select count(*)::int from installation) as installations,
    (select count(*)::int from apps) as apps, (select count(*)::int from releases) as releases,
    (select count(*)::int from database_servers) as servers`);
  expect(counts).toEqual([{ installations: 1, apps: 1, releases: 1, servers: 1 }]);
  await first.api.createTenant("acme");
  const pages = await Promise.all([first.visit("acme"), second.visit("acme")]);
  expect(pages.map(({ status }) => status)).toEqual([200, 200]);
});
