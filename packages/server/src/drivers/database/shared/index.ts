import { buildBlueprint } from "../common/build-blueprint.ts";
import { readForm } from "../common/form/read-form.ts";
import { list, measure } from "../common/inspect.ts";
import { forgetSessionDefaults } from "../common/logins.sql.ts";
import { createLogins } from "../common/logins.ts";
import { databaseName, roleName } from "../common/names.ts";
import { type DatabaseDriverOptions, driverParts } from "../common/parts.ts";
import { remove } from "../common/remove.ts";
import { repairLogin } from "../common/repair-login.ts";
import { loginOf } from "../common/role-login.ts";
import { renewSeal, rotateSecret } from "../common/seal/index.ts";
import { withSession } from "../common/session.ts";
import { trials } from "../common/try-out.ts";
import { urlAs } from "../common/url.ts";
import type { PostgresDriver } from "../driver.ts";
import { admit } from "./admit.ts";
import { build } from "./build.ts";
import { closeShared, reopenShared } from "./close.ts";
import { dismiss } from "./dismiss.ts";
import { exportRows } from "./export-rows.ts";
import { importRows } from "./import-rows.ts";
import { sharedLogins } from "./logins.ts";
import { migrate, rehearse } from "./migrate.ts";
import { sizes } from "./sizes.ts";
import { verify } from "./verify.ts";

/** All processes of an application, for all its environments; what they hold is leased out server by server. */
const connectionLimit = 200;

/**
 * The level `shared`: one database for many environments of an application. Each row says whose it is, and the database
 * shows it to nobody who hasn't proven by a token of its seal that it asks for that environment.
 */
export function createSharedDriver(options: DatabaseDriverOptions): PostgresDriver {
  const parts = driverParts({ connectionLimit, ...options });
  return {
    level: "shared",
    sharing: {
      renewSeal: (context, { server, database: { name, roleName } }) =>
        withSession(parts.connect, context, server, name, async (session) => {
          if (roleName) await forgetSessionDefaults(session, roleName);
          return renewSeal(session, { roles: parts.roles, name, pooled: server.poolerUrl !== undefined });
        }),
      rotateSecret: (context, { server, database: { name }, databaseId, sealKey }) =>
        withSession(parts.connect, context, server, name, (session) =>
          rotateSecret(session, {
            ...{ roles: parts.roles, name, databaseId },
            key: Buffer.from(sealKey, "base64"),
          }),
        ),
      admit: (context, place) => admit(parts, context, place),
      sizes: (server, database) => sizes(parts, server, database),
      dismiss: (context, place) => dismiss(parts, context, place),
      rehearse: (context, request) => rehearse(parts, context, request),
    },
    buildBlueprint: (context, request) => buildBlueprint(parts, context, request),
    nameOf: ({ databaseId }) => ({ name: databaseName(databaseId), roleName: roleName(databaseId) }),
    // Whoever builds a database makes all of it from the blueprint.
    prepare: () => Promise.resolve(),
    build: (context, request) => build(parts, context, request),
    connectionUrl: (server, built) => urlAs(server.url, { ...loginOf(built), database: built.name }),
    migrate: (context, request) => migrate(parts, context, request),
    measure: (server, database) => measure(parts, server, database),
    readForm: (server, built) => readForm(parts.connect, server, { ...loginOf(built), database: built.name }),
    verify: (server, database) => verify(parts, server, database),
    exportRows: (context, place, sink) => exportRows(parts, context, place, sink),
    importRows: (context, place, archive) => importRows(parts, context, place, archive),
    repairLogin(context, request) {
      const { name } = request.database;
      return repairLogin(parts, context, { ...request, place: { database: name, lock: name } });
    },
    close: (context, place) => closeShared(parts, context, place),
    reopen: (context, place) => reopenShared(parts, context, place),
    logins: createLogins(parts, sharedLogins(parts)),
    ...trials(parts),
    remove: (context, request) => remove(parts, context, request),
    list: (server) => list(parts, server),
  };
}
