import type { RuntimeSnapshot } from "@tenantry/contract";
import { beforeAll, expect, it } from "vitest";
import { eventually } from "../support/eventually.ts";
import { fresh } from "../support/fresh.ts";
import { environmentOf } from "../support/process-tree.ts";
import { databaseUrl, query } from "../support/registry.ts";
import { useInstallation } from "../support/use-installation.ts";

const installation = useInstallation();
beforeAll(async () => {
  for (const slug of ["acme", "globex"]) await installation.api.createTenant(slug);
});

/** What an application's process learns by its key. */
async function snapshotBy(key: string): Promise<{ status: number; snapshot: RuntimeSnapshot }> {
  const reply = await fetch(`${installation.operator.url}/v1/runtime/snapshot`, {
    headers: { authorization: `Bearer ${key}` },
  });
  return { status: reply.status, snapshot: (await reply.json()) as RuntimeSnapshot };
}

async function keyOfSites(): Promise<string> {
  const rows = await installation.sql<{ pid: number }>("select process_id as pid from instances");
  return environmentOf(rows[0]!.pid).TENANTRY_APP_KEY!;
}

it("a tenant's login to its database opens no other database of the server: not its neighbour's, nor the registry", async () => {
  const { snapshot } = await snapshotBy(await keyOfSites());
  const urls = snapshot.environments.map((environment) => environment.database!.url);
  expect(urls).toHaveLength(2);
  const [own, neighbour] = urls as [string, string];
  expect(await query(own, "select count(*)::int as count from public.pages")).toEqual([{ count: 0 }]);
  const others = [new URL(neighbour).pathname.slice(1), "tenantry", "postgres", "template1", "template0"];
  for (const name of others) {
    await expect(query(databaseUrl(own, name), "select 1"), name).rejects.toThrow(
      /permission denied for database|not currently accepting connections/,
    );
  }
});

it("an application's key shows the tenants of that application alone, and opens nothing of an operator's", async () => {
  const made = await installation.api.call<{ appKey: string; operationId: string }>("POST", "/v1/apps", {
    slug: fresh("other"),
    upstreamUrl: "http://127.0.0.1:9",
  });
  expect(await installation.api.ended(made.body.operationId)).toMatchObject({ status: "succeeded" });
  const { status, snapshot } = await snapshotBy(made.body.appKey);
  expect(status).toBe(200);
  expect(snapshot.environments).toEqual([]);
  const reply = await installation.api.call("GET", "/v1/tenants", undefined, {
    authorization: `Bearer ${made.body.appKey}`,
  });
  expect(reply.status).toBe(403);
});

it("a tenant that gives its role another password is served on, without the other one, and its neighbour notices nothing", async () => {
  const { snapshot } = await snapshotBy(await keyOfSites());
  const urlOf = (slug: string) =>
    snapshot.environments.find(({ tenantSlug }) => tenantSlug === slug)!.database!.url;
  const own = urlOf("acme");
  const [user, neighbour] = [new URL(own).username, new URL(urlOf("globex")).username];
  const backendsOf = (name: string) =>
    installation.sql<{ pid: number }>("select pid from pg_stat_activity where usename = $1 order by pid", [
      name,
    ]);
  expect((await installation.visit("globex")).status).toBe(200);
  const before = await backendsOf(neighbour);
  expect(before.length).toBeGreaterThan(0);

  await query(own, "alter role current_user password 'known-to-others'");
  await installation.sql("select pg_terminate_backend(pid, 5000) from pg_stat_activity where usename = $1", [
    user,
  ]);
  await eventually(
    "Sites, which has to log in anew, does",
    async () => (await installation.visit("acme")).status === 200,
  );
  const stolen = own.replace(/:[^:@/]+@/, ":known-to-others@");
  await expect(query(stolen, "select 1")).rejects.toMatchObject({ code: "28P01" });
  expect(await query(own, "select 1 as one")).toEqual([{ one: 1 }]);
  expect(await backendsOf(neighbour)).toEqual(before);
  expect((await installation.visit("globex")).status).toBe(200);
});
