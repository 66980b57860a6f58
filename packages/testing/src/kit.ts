import type { TestKitTenant } from "@tenantry/contract";
import { createTenantry, type TenantContext, type Tenantry } from "@tenantry/sdk";
import { type Application, createApplications } from "./applications.ts";
import { joinHost } from "./host-client.ts";
import { reachHost, usualDirectory } from "./host-process.ts";
import { readMigrations } from "./migrations.ts";
import { createSigner } from "./signing.ts";
import { createTestTenant, type TestTenant } from "./tenant.ts";

/** The database levels that the kit has. At `dedicated` an application sees what it sees at `database`. */
export type TestLevel = "shared" | "schema" | "database" | "sqlite";

export type TestKitOptions = {
  /** The directory with the application's .sql files. */
  migrations: string | URL;
  /** At which level tenants are made; "database", as an installation does, when left out. */
  level?: TestLevel;
  /** Where the databases are kept; all kits with the same share one PostgreSQL. `node_modules/.cache` when left out. */
  directory?: string;
  /** How long the PostgreSQL stays for the next run, when nobody tests any more; 10 when left out. */
  keepWarmMinutes?: number;
};

/** What a tenant of a test is to be like; what is left out is made up. */
export type NewTestTenant = Omit<TestKitTenant, "level"> & { level?: TestLevel };

export type TestKit = {
  /** The kit's installation, as an application's `createTenantry()` reaches it. */
  readonly tenantry: Tenantry;
  /** For an application that makes its own: `TENANTRY_URL` and `TENANTRY_APP_KEY`. */
  readonly variables: { readonly TENANTRY_URL: string; readonly TENANTRY_APP_KEY: string };
  /** A tenant of nobody else's, usable at once. It goes with `remove`, with `await using`, or with the kit. */
  tenant(wanted?: NewTestTenant): Promise<TestTenant>;
  /** Runs `work` for a tenant, as in a request or a job of its. */
  run<Result>(
    tenant: TestTenant,
    work: (context: TenantContext) => Result | Promise<Result>,
  ): Promise<Result>;
  /** What the gateway would add to a request for the tenant. Good for two minutes. */
  headers(tenant: TestTenant): Record<string, string>;
  /** A request to the application under test as the gateway would pass it on. Redirects are answered, not followed. */
  fetch(application: Application, tenant: TestTenant, path: string, init?: RequestInit): Promise<Response>;
  /** Removes the kit's tenants. Repeatable; also done when the process ends, however it ends. */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
};

/**
 * Throw-away tenants for an application's own tests, in milliseconds: real databases, files and caches, kept apart as
 * in production, from a PostgreSQL that starts by itself and is shared by all workers and the next run.
 *
 *     const kit = await startTestKit({ migrations: "./migrations" });
 *     await using tenant = await kit.tenant();
 *     await tenant.db.query("insert into notes (text) values ('Buy milk')");
 *
 * Throws `TestKitError`, whose message says what to do: no such directory, a migration that fails (with file and line),
 * a level that can't hold it. Any number of processes may call it at the same time.
 */
export async function startTestKit(options: TestKitOptions): Promise<TestKit> {
  const { level = "database", keepWarmMinutes = 10 } = options;
  const migrations = await readMigrations(options.migrations);
  const directory = options.directory ?? usualDirectory();
  const address = await reachHost({ directory, keepWarmMs: keepWarmMinutes * 60_000 });
  const membership = await joinHost(address, { migrations, level });
  const { url, joined } = membership;
  const tenantry = createTenantry({ url, appKey: joined.appKey });
  const applications = createApplications();
  const headers = createSigner(joined);
  const fetchAs: TestKit["fetch"] = (application, tenant, path, init = {}) => {
    const all = new Headers(init.headers);
    for (const [name, value] of Object.entries(headers(tenant))) all.set(name, value);
    return applications.send(application, path, { redirect: "manual", ...init, headers: all });
  };

  async function close(): Promise<void> {
    await applications.close();
    await tenantry.close();
    await membership.leave();
  }

  return {
    tenantry,
    variables: { TENANTRY_URL: url, TENANTRY_APP_KEY: joined.appKey },
    async tenant(wanted = {}) {
      const id = await membership.addTenant({ level, ...wanted });
      const context = await tenantry.run(id, (found) => found);
      return createTestTenant(membership, context);
    },
    run: (tenant, work) => tenantry.run(tenant.environment.id, work),
    headers,
    fetch: fetchAs,
    close,
    [Symbol.asyncDispose]: close,
  };
}
