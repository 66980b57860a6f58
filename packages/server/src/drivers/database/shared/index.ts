import { defaultMigrationLimits } from "../common/apply-migrations.ts";
import { buildBlueprint } from "../common/build-blueprint.ts";
import { list, measure } from "../common/inspect.ts";
import { installationRoles } from "../common/names.ts";
import type { DriverParts } from "../common/parts.ts";
import { remove } from "../common/remove.ts";
import { repairLogin } from "../common/repair-login.ts";
import { type Connect, openClient } from "../common/session.ts";
import { urlAs } from "../common/url.ts";
import type { DatabaseDriver, MigrationLimits } from "../driver.ts";
import { admit } from "./admit.ts";
import { build } from "./build.ts";
import { dismiss } from "./dismiss.ts";
import { migrate } from "./migrate.ts";
import { verify } from "./verify.ts";

/**
 * The level `shared`: one database for many environments of an application. Each row says whose it is, and the database
 * shows it to nobody who hasn't proven by a token of its seal that it asks for that environment.
 */
export function createSharedDriver(options: {
  installationId: string;
  limits?: MigrationLimits;
  connectionLimit?: number;
  connect?: Connect;
}): DatabaseDriver {
  const parts: DriverParts = {
    connect: options.connect ?? openClient,
    roles: installationRoles(options.installationId),
    limits: options.limits ?? defaultMigrationLimits,
    // All processes of the application for all its environments; what they hold is leased out server by server.
    connectionLimit: options.connectionLimit ?? 200,
  };
  return {
    level: "shared",
    sharing: {
      admit: (context, place) => admit(parts, context, place),
      dismiss: (context, place) => dismiss(parts, context, place),
    },
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
