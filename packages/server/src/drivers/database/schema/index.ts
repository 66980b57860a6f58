import { buildBlueprint } from "../common/build-blueprint.ts";
import { closeOwn, reopenOwn } from "../common/close.ts";
import { readForm } from "../common/form/read-form.ts";
import { migrateAlone } from "../common/lane.ts";
import { createLogins } from "../common/logins.ts";
import { partsOfPlace, rolesOfSchema, schemaPlace } from "../common/names.ts";
import { type DatabaseDriverOptions, driverParts } from "../common/parts.ts";
import { repairLogin } from "../common/repair-login.ts";
import { loginOf } from "../common/role-login.ts";
import { exportOwn, importOwn } from "../common/rows/own-rows.ts";
import { trials } from "../common/try-out.ts";
import { urlAs } from "../common/url.ts";
import type { InLane, PostgresDriver } from "../driver.ts";
import { build } from "./build.ts";
import { list, measure, verify } from "./inspect.ts";
import { entranceOf, schemaLogins } from "./logins.ts";
import { inLaneOfSchemas } from "./migrate.ts";
import { prepare } from "./prepare.ts";
import { remove } from "./remove.ts";
import { rowsOf } from "./rows.ts";

/**
 * The level `schema`: a schema of its own for each environment, in one database for all environments of an application
 * on a server. The environment's role has rights in that schema alone; what is there belongs to an owner of its own, so
 * that not even the application's own functions with their owner's rights reach into a neighbour's.
 */
export function createSchemaDriver(options: DatabaseDriverOptions): PostgresDriver {
  const parts = driverParts(options);
  const inLane: InLane = (request, work) => inLaneOfSchemas(parts, request, work);
  return {
    level: "schema",
    buildBlueprint: (context, request) => buildBlueprint(parts, context, request),
    nameOf({ appId, databaseId }) {
      const name = schemaPlace(appId, databaseId);
      return { name, roleName: rolesOfSchema(partsOfPlace(name).schema).login };
    },
    prepare: (context, request) => prepare(parts, context, request),
    build: (context, request) => build(parts, context, request),
    connectionUrl(server, built) {
      const { container } = partsOfPlace(built.name);
      return urlAs(server.url, { ...loginOf(built), database: container });
    },
    migrate: (context, request) => migrateAlone(inLane, context, request),
    inLane,
    measure: (server, database) => measure(parts, server, database),
    readForm(server, database) {
      const { container, schema } = partsOfPlace(database.name);
      const login = { ...loginOf(database), database: container };
      return readForm(parts.connect, server, login, { home: schema, only: true });
    },
    verify: (server, database) => verify(parts, server, database),
    exportRows: (context, place, sink) => exportOwn(parts, context, { place, own: rowsOf(place), sink }),
    importRows: (context, place, archive) =>
      importOwn(parts, context, { place, own: rowsOf(place), archive }),
    repairLogin(context, request) {
      const { container, schema } = partsOfPlace(request.database.name);
      return repairLogin(parts, context, { ...request, place: { database: container, lock: schema } });
    },
    close: (context, place) => closeOwn(parts, context, place, entranceOf(place)),
    reopen: (context, place) => reopenOwn(parts, context, place, entranceOf(place)),
    logins: createLogins(parts, schemaLogins),
    ...trials(parts),
    remove: (context, request) => remove(parts, context, request),
    list: (server) => list(parts, server),
  };
}
