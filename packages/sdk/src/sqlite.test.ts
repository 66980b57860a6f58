import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { createSqliteHandles, openSqlite } from "@tenantry/data";
import type pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createTenantry, type Tenantry } from "./index.ts";
import { tenantPool } from "./pg.ts";
import { notesMigration, testPgPrograms } from "./pg-programs.testsuite.ts";
import { type TestInstallation, testInstallation } from "./testing/installation.ts";

let directory: string;
let installation: TestInstallation;
let tenantry: Tenantry;
let pool: pg.Pool;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "tenantry-sdk-sqlite-"));
  installation = await testInstallation();
  tenantry = createTenantry({ url: installation.url, appKey: installation.appKey });
  pool = tenantPool(tenantry);
  await tenantry.ready();
});
afterAll(async () => {
  await tenantry?.close();
  installation?.stop();
  await rm(directory, { recursive: true, force: true });
});

/** A tenant whose database is a file with this schema. */
async function tenant(slug: string, encryptionKey?: string): Promise<string> {
  const handles = createSqliteHandles();
  const file = join(directory, `${slug}.db`);
  const database = await openSqlite({ file, encryptionKey, create: true }, handles);
  await database.migrate(notesMigration);
  await handles.close();
  const { id } = installation.addTenant(slug, {
    database: {
      level: "sqlite",
      serverId: "srv",
      url: pathToFileURL(file).href,
      generation: 1,
      ...(encryptionKey && { encryptionKey }),
    },
  });
  return id;
}

describe.each([
  ["plain", undefined],
  ["encrypted", Buffer.alloc(32, 7).toString("base64")],
])("files that are %s", (name, key) => {
  let acme: string;
  let other: string;
  beforeAll(async () => {
    [acme, other] = await Promise.all([tenant(`${name}-acme`, key), tenant(`${name}-other`, key)]);
  });

  testPgPrograms(() => ({ tenantry, pool, acme, other }));
});

test("an environment that is suspended or moved isn't read any more", async () => {
  const id = await tenant(`leaving-${randomUUID()}`);
  await tenantry.run(id, () => pool.query("select 1"));
  const { database } = installation.registry.get(id);
  installation.change(id, {
    database: { ...database!, generation: 2, url: pathToFileURL(join(directory, "gone.db")).href },
  });
  const asked = () => tenantry.run(id, () => pool.query("select count(*) from notes"));
  await expect.poll(() => asked().catch((error: Error) => error.name)).toBe("DatabaseUnavailable");
  installation.change(id, { tenantStatus: "suspended" });
  await expect.poll(() => asked().catch((error: Error) => error.name)).toBe("EnvironmentSuspended");
});
