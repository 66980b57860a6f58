import { buildBlueprint } from "../common/build-blueprint.ts";
import { list, measure, verify } from "../common/inspect.ts";
import { createLogins, databaseLogins } from "../common/logins.ts";
import { databaseName, roleName } from "../common/names.ts";
import { type DatabaseDriverOptions, driverParts } from "../common/parts.ts";
import { remove } from "../common/remove.ts";
import { repairLogin } from "../common/repair-login.ts";
import { trials } from "../common/try-out.ts";
import { urlAs } from "../common/url.ts";
import type { DatabaseDriver } from "../driver.ts";
import { build } from "./build.ts";
import { migrate } from "./migrate.ts";

/** The level `database`: a database of its own for each environment, on a server that it shares with others. */
export function createDatabaseDriver(options: DatabaseDriverOptions): DatabaseDriver {
  const parts = driverParts(options);
  return {
    level: "database",
    buildBlueprint: (context, request) => buildBlueprint(parts, context, request),
    nameOf: ({ databaseId }) => ({ name: databaseName(databaseId), roleName: roleName(databaseId) }),
    // The blueprint is all that copies of it need.
    prepare: () => Promise.resolve(),
    build: (context, request) => build(parts, context, request),
    connectionUrl: (server, built) =>
      urlAs(server.url, { user: built.roleName, password: built.password, database: built.name }),
    migrate: (context, request) => migrate(parts, context, request),
    measure: (server, database) => measure(parts, server, database),
    verify: (server, database) => verify(parts, server, database),
    repairLogin(context, request) {
      const { name } = request.database;
      return repairLogin(parts, context, { ...request, place: { database: name, lock: name } });
    },
    logins: createLogins(parts, databaseLogins(parts)),
    ...trials(parts),
    remove: (context, request) => remove(parts, context, request),
    list: (server) => list(parts, server),
  };
}
