import { defaultMigrationLimits } from "../common/apply-migrations.ts";
import { buildBlueprint } from "../common/build-blueprint.ts";
import { list, measure, verify } from "../common/inspect.ts";
import { installationRoles } from "../common/names.ts";
import type { DriverParts } from "../common/parts.ts";
import { remove } from "../common/remove.ts";
import { repairLogin } from "../common/repair-login.ts";
import { type Connect, openClient } from "../common/session.ts";
import { urlAs } from "../common/url.ts";
import type { DatabaseDriver, MigrationLimits } from "../driver.ts";
import { build } from "./build.ts";
import { migrate } from "./migrate.ts";

export type DatabaseDriverOptions = {
  installationId: string;
  limits?: MigrationLimits;
  connectionLimit?: number;
  connect?: Connect;
};

/** The level `database`: a database of its own for each environment, on a server that it shares with others. */
export function createDatabaseDriver(options: DatabaseDriverOptions): DatabaseDriver {
  const parts: DriverParts = {
    connect: options.connect ?? openClient,
    roles: installationRoles(options.installationId),
    limits: options.limits ?? defaultMigrationLimits,
    connectionLimit: options.connectionLimit ?? 20,
  };
  return {
    level: "database",
    buildBlueprint: (context, request) => buildBlueprint(parts, context, request),
    build: (context, request) => build(parts, context, request),
    connectionUrl: (server, built) =>
      urlAs(server.url, { user: built.roleName, password: built.password, database: built.name }),
    migrate: (context, request) => migrate(parts, context, request),
    measure: (server, database) => measure(parts, server, database),
    verify: (server, database) => verify(parts, server, database),
    repairLogin: (context, request) => repairLogin(parts, context, request),
    remove: (context, request) => remove(parts, context, request),
    list: (server) => list(parts, server),
  };
}
