import type { ClosingPlace, InLane, PostgresDriver, RowsPlace } from "../driver.ts";
import { buildBlueprint } from "./build-blueprint.ts";
import { build } from "./build-own.ts";
import { closeOwn, type OwnEntrance, reopenOwn } from "./close.ts";
import { homeName } from "./emit/home.ts";
import { readForm } from "./form/read-form.ts";
import { list, measure, verify } from "./inspect.ts";
import { migrateAlone } from "./lane.ts";
import { selectLogins } from "./logins.sql.ts";
import { createLogins, databaseLogins } from "./logins.ts";
import { inLaneOfDatabases } from "./migrate-own.ts";
import { migrationPlace } from "./migrator.ts";
import { databaseName, roleName, sharersName } from "./names.ts";
import type { DriverParts } from "./parts.ts";
import { remove } from "./remove.ts";
import { repairLogin } from "./repair-login.ts";
import { loginOf } from "./role-login.ts";
import { exportOwn, importOwn, type OwnRows } from "./rows/own-rows.ts";
import { trials } from "./try-out.ts";
import { urlAs } from "./url.ts";

const ownRows = ({ database, schema }: RowsPlace): OwnRows => ({
  lock: database.name,
  migration: migrationPlace(database.name, schema),
  home: homeName,
  homeOnly: false,
});

const entranceOf = ({ database: { name, roleName: role } }: ClosingPlace): OwnEntrance => ({
  lock: name,
  role: role!,
  logins: (session) => selectLogins(session, name, sharersName(name)),
});

/** What the levels have in common at which an environment has a database of its own, whoever else is on its server. */
export function ownDatabase(parts: DriverParts): Omit<PostgresDriver, "level"> {
  const inLane: InLane = (request, work) => inLaneOfDatabases(parts, request, work);
  return {
    buildBlueprint: (context, request) => buildBlueprint(parts, context, request),
    nameOf: ({ databaseId }) => ({ name: databaseName(databaseId), roleName: roleName(databaseId) }),
    // The blueprint is all that copies of it need.
    prepare: () => Promise.resolve(),
    build: (context, request) => build(parts, context, request),
    connectionUrl: (server, built) => urlAs(server.url, { ...loginOf(built), database: built.name }),
    migrate: (context, request) => migrateAlone(inLane, context, request),
    inLane,
    measure: (server, database) => measure(parts, server, database),
    readForm: (server, built) => readForm(parts.connect, server, { ...loginOf(built), database: built.name }),
    verify: (server, database) => verify(parts, server, database),
    exportRows: (context, place, sink) => exportOwn(parts, context, { place, own: ownRows(place), sink }),
    importRows: (context, place, archive) =>
      importOwn(parts, context, { place, own: ownRows(place), archive }),
    repairLogin(context, request) {
      const { name } = request.database;
      return repairLogin(parts, context, { ...request, place: { database: name, lock: name } });
    },
    close: (context, place) => closeOwn(parts, context, place, entranceOf(place)),
    reopen: (context, place) => reopenOwn(parts, context, place, entranceOf(place)),
    logins: createLogins(parts, databaseLogins(parts)),
    ...trials(parts),
    remove: (context, request) => remove(parts, context, request),
    list: (server) => list(parts, server),
  };
}
