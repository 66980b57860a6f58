// One violation a line: the rules that must catch it, the file it is planted in, the planted line. An empty
// line is a file that is wrong as a whole. Paths start in packages/server/src, unless they start with `/`.
const table = `
floor-order           | kernel/x.ts                 | import "../infra/db/index.ts";
floor-order           | infra/x.ts                  | import "../drivers/cache/driver.ts";
floor-order           | drivers/x.ts                | import "../features/audit/index.ts";
floor-order           | features/audit/x.ts         | import "../../gateway/proxy.ts";
floor-order           | features/audit/x.ts         | import "../../entry/api.ts";
floor-order           | gateway/x.ts                | import "../entry/api.ts";
floor-order           | infra/x.ts                  | import "@tenantry/server";
floor-order           | kernel/x.ts                 | import type { A } from "../infra/db/index.ts";
floor-order           | kernel/x.ts                 | export * from "../infra/db/index.ts";
floor-order           | kernel/x.ts                 | export { a } from "../infra/db/index.ts";
floor-order           | kernel/x.ts                 | await import("../infra/db/index.ts");
floor-order           | kernel/x.ts                 | let a: import("../infra/db/index.ts").A;
floor-order           | kernel/x.ts                 | require("../infra/db/index.ts");
floor-order           | kernel/x.ts                 | import a = require("../infra/db/index.ts");
floor-order           | kernel/x.ts                 | import "../infra/db/index.ts?raw";
floor-order           | kernel/x.test.ts            | import "../infra/db/index.ts";
gateway-is-lean       | gateway/x.ts                | import "../features/audit/index.ts";
gateway-is-lean       | gateway/x.ts                | import "../drivers/cache/driver.ts";
gateway-is-lean       | gateway/x.ts                | import "@tenantry/data";
feature-rank          | features/audit/x.ts         | import "../tenants/index.ts";
feature-door          | features/billing/index.ts   | import "../tenants/tenants.ts";
feature-rank and feature-door | features/audit/x.ts | import "../tenants/tenants.ts";
unplaced-file         | features/surprise/index.ts  |
unplaced-file         | features/loose.ts           |
unplaced-file         | utils/strings.ts            |
unplaced-file         | helpers.ts                  |
drivers-apart         | drivers/cache/redis/x.ts    | import "../memory/index.ts";
drivers-apart         | drivers/storage/fs/x.ts     | import "../../cache/memory/index.ts";
confined-package      | features/audit/x.ts         | import type { Pool } from "pg";
confined-package      | kernel/x.ts                 | import "pg/lib/utils.js";
confined-package      | drivers/cache/memory/x.ts   | import "pg";
confined-package      | /packages/sdk/src/x.ts      | import "pg";
confined-package      | features/audit/x.ts         | import "pg-boss";
package-borders       | /packages/sdk/src/x.ts      | import "@tenantry/server";
package-borders       | /packages/cli/src/x.ts      | import "@tenantry/server";
package-borders       | /packages/data/src/x.ts     | import "@tenantry/sdk";
package-borders       | /packages/contract/src/x.ts | import "@tenantry/data";
package-borders       | entry/x.ts                  | import "tenantry";
package-borders       | /apps/sites/src/x.ts        | import "@tenantry/contract";
package-borders       | /apps/sites/src/x.ts        | import "@tenantry/server";
package-door          | /packages/sdk/src/x.ts      | import "../../data/src/index.ts";
package-borders and package-door | /packages/cli/src/x.ts | import "../../server/src/index.ts";
tests-stay-outside    | infra/x.ts                  | import "../testing/postgres.ts";
tests-stay-outside and package-borders | entry/x.ts | import "../../../../test/support/programs.ts";
tests-stay-outside and package-borders | entry/x.ts | import "../../../../bench/main.ts";
tests-stay-outside    | entry/x.ts                  | import "../drivers/cache/driver.testsuite.ts";
kernel-is-pure        | kernel/x.ts                 | import "node:fs/promises";
kernel-is-pure        | kernel/x.ts                 | import { createServer } from "http";
environment-variables | features/audit/x.ts         | process.env.A;
environment-variables | /packages/sdk/src/x.ts      | process.env.A;
environment-variables | infra/x.ts                  | process["env"].A;
environment-variables | infra/x.ts                  | globalThis.process.env;
environment-variables | infra/x.ts                  | const { env } = process;
environment-variables | infra/x.ts                  | import { env } from "node:process";
environment-variables | infra/x.ts                  | import process from "node:process"; process.env;
unresolved-import     | infra/x.ts                  | import "./nowhere.ts";
unresolved-import     | infra/x.ts                  | import "#nowhere";
unresolved-import     | infra/x.ts                  | import "@tenantry/data/inner";
unresolved-import     | infra/x.ts                  | await import(name);
unresolved-import     | testing/x.ts                | import "./nowhere.ts";
syntax-error          | infra/x.ts                  | const = ;
`;

export interface PlantedViolation {
  rules: string[];
  file: string;
  line: string;
}

export const plantedViolations: PlantedViolation[] = table
  .trim()
  .split("\n")
  .map((row) => {
    const [rules = "", path = "", line = ""] = row.split("|").map((cell) => cell.trim());
    const file = path.startsWith("/") ? path.slice(1) : `packages/server/src/${path}`;
    return { rules: rules.split(" and "), file, line };
  });
