import type pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { fresh } from "../../server/src/testing/fresh.ts";
import { startInstallation, type WholeInstallation } from "../../server/src/testing/installation.ts";
import { waitUntil } from "../../server/src/testing/wait-until.ts";
import { createTenantry, InvalidArgument, TenantContextMissing, type Tenantry } from "./index.ts";
import { tenantPool } from "./pg.ts";
import { notesMigration, testPgPrograms } from "./pg-programs.testsuite.ts";

const migrations = [{ name: "001_notes.sql", sql: notesMigration }];

let running: WholeInstallation;
let tenantry: Tenantry;
let pool: pg.Pool;

beforeAll(async () => {
  running = await startInstallation();
  const app = await call("POST", "/v1/apps", {
    slug: "notes",
    upstreamUrl: running.url,
    migrations,
    healthPath: "/healthz",
  });
  expect(app.status).toBeLessThan(300);
  tenantry = createTenantry({ url: running.url, appKey: app.body.appKey as string });
  pool = tenantPool(tenantry);
  await waitUntil("the application is released", async () => {
    const { body } = await call("GET", `/v1/operations/${app.body.operationId}`);
    return body.status === "succeeded";
  });
  await tenantry.ready();
}, 120_000);
afterAll(async () => {
  await tenantry?.close();
  await running?.stop();
});

async function call(method: string, path: string, body?: object) {
  const response = await fetch(`${running.url}${path}`, {
    method,
    headers: {
      authorization: `Bearer ${running.apiKey}`,
      prefer: "wait=60",
      ...(body && { "content-type": "application/json" }),
    },
    ...(body && { body: JSON.stringify(body) }),
  });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

describe.each(["shared", "schema", "database", "dedicated", "sqlite"])("at the level %s", (level) => {
  let acme: string;
  let other: string;
  beforeAll(async () => {
    [acme, other] = await Promise.all([tenant("acme"), tenant("other")]);
  });
  async function tenant(name: string): Promise<string> {
    const slug = fresh(name);
    const made = await call("POST", "/v1/tenants", {
      slug,
      name,
      app: "notes",
      isolation: { database: level },
    });
    expect(made.body).toMatchObject({ slug, status: "active" });
    return (made.body.environments as { id: string }[])[0]!.id;
  }

  testPgPrograms(() => ({ tenantry, pool, acme, other }));
});

test("without a tenant's context nothing is run", async () => {
  await expect(pool.query("select 1")).rejects.toThrow(TenantContextMissing);
  await expect(pool.connect()).rejects.toThrow(TenantContextMissing);
});

test("a transaction begun on the pool itself, and a callback, are refused with what to do", async () => {
  const made = await call("POST", "/v1/tenants", { slug: fresh("acme"), name: "Acme", app: "notes" });
  const [environment] = made.body.environments as { id: string }[];
  await tenantry.run(environment!.id, async () => {
    await expect(pool.query("begin")).rejects.toThrow(InvalidArgument);
    await expect(pool.query("select 1", (() => undefined) as never)).rejects.toThrow("by promise");
  });
});
