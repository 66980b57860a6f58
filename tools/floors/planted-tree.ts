import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

type Tree = Record<string, string>;

const workspace = (name: string, exports: unknown = { ".": "./src/index.ts" }) =>
  JSON.stringify({ name, exports });

/** A small house that keeps every rule and has a file on each floor. */
export const cleanTree: Tree = {
  "package.json": JSON.stringify({ workspaces: ["packages/*", "apps/*"] }),
  "packages/contract/package.json": workspace("@tenantry/contract", {
    ".": "./src/index.ts",
    "./*": { types: "./dist/*.d.ts", default: "./src/*.ts" },
  }),
  "packages/contract/src/index.ts": `export * from "./pages.ts";`,
  "packages/contract/src/pages.ts": `export interface Page { slug: string }`,
  "packages/data/package.json": workspace("@tenantry/data"),
  "packages/data/src/index.ts": `import pg from "pg"; import type { Page } from "@tenantry/contract/pages";`,
  "packages/sdk/package.json": workspace("@tenantry/sdk"),
  "packages/sdk/src/index.ts": `import "@tenantry/data"; import { url } from "./config.ts";`,
  "packages/sdk/src/config.ts": `export const url = process.env.TENANTRY_URL;`,
  "packages/cli/package.json": workspace("tenantry"),
  "packages/cli/src/index.ts": `import "@tenantry/contract"; export const home = process.env.HOME;`,
  "packages/server/package.json": workspace("@tenantry/server"),
  "packages/server/src/index.ts": `export * from "./entry/api.ts";`,
  "packages/server/src/kernel/errors.ts": `import { createHash } from "node:crypto";`,
  "packages/server/src/infra/config/index.ts": `export const { PORT } = process.env;`,
  "packages/server/src/infra/db/index.ts": `import pg from "pg"; import "../../kernel/errors.ts";`,
  "packages/server/src/drivers/cache/driver.ts": `export interface Cache { size: number }`,
  "packages/server/src/drivers/cache/common/keys.ts": "export const a = 1;",
  "packages/server/src/drivers/cache/memory/keys.ts": `import "../common/keys.ts";`,
  "packages/server/src/drivers/cache/driver.testsuite.ts": `import type { Cache } from "./driver.ts";`,
  "packages/server/src/drivers/cache/memory/index.ts": `import type { Cache } from "../driver.ts";`,
  "packages/server/src/drivers/cache/redis/index.ts": `import type { Cache } from "../driver.ts";`,
  "packages/server/src/drivers/cache/redis/redis.test.ts": `import "../driver.testsuite.ts"; import "../../../../../../test/support/programs.ts";`,
  "packages/server/src/features/order.json": JSON.stringify(["audit", "tenants", "billing"]),
  "packages/server/src/features/audit/index.ts": `import "../../drivers/cache/memory/index.ts";`,
  "packages/server/src/features/tenants/index.ts": `import "../audit/index.ts"; import "./tenants.ts";`,
  "packages/server/src/features/tenants/tenants.ts": `export const a = 1;`,
  "packages/server/src/features/tenants/tenants.test.ts": `import "../../testing/postgres.ts"; import "pg";`,
  "packages/server/src/gateway/proxy.ts": `import "../kernel/errors.ts"; import "@tenantry/contract";`,
  "packages/server/src/entry/api.ts": `import "../features/tenants/tenants.ts"; import "../gateway/proxy.ts";`,
  "packages/server/src/testing/postgres.ts": `import "../entry/api.ts"; process.env.PGHOST;`,
  "apps/sites/package.json": workspace("@tenantry/sites"),
  "apps/sites/src/index.ts": `import "@tenantry/sdk"; import "hono"; process.env.PORT;`,
  "bench/main.ts": `await import(process.argv[2] ?? "");`,
  "test/support/programs.ts": "export const a = 1;",
  "test/e2e/start.test.ts": `import "../../packages/server/src/testing/postgres.ts";`,
};

/** Writes the clean tree with `planted` over it into a new folder; `remove` takes it away again. */
export function plantTree(planted: Tree = {}) {
  const root = mkdtempSync(join(tmpdir(), "tenantry-floors-"));
  for (const [path, text] of Object.entries({ ...cleanTree, ...planted })) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  return { root, remove: () => rmSync(root, { recursive: true }) };
}
