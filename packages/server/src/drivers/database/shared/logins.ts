import { setSessionDefaults, upsertLogin } from "../common/logins.sql.ts";
import type { LoginKind } from "../common/logins.ts";
import { sharersName } from "../common/names.ts";
import type { DriverParts } from "../common/parts.ts";
import { grantMembership, roleExists } from "../common/roles.sql.ts";
import { bindLogin } from "../common/seal/index.ts";
import { welcomeLogins } from "./welcome-logins.ts";

/**
 * Logins at the level `shared`. The seal lets a login see the rows of one environment: on a server of ours its sessions
 * begin in it, by a parameter that the login can't set; elsewhere the policies' function looks up who logged in.
 */
export function sharedLogins(parts: DriverParts): LoginKind {
  const { roles } = parts;
  return {
    driver: "database",
    databaseOf: ({ name }) => name,
    schemaOf: () => "public",
    async admit(session, { database, environmentId }, name) {
      const sharers = sharersName(database.name);
      if (!(await roleExists(session, sharers))) await welcomeLogins(session, database.name);
      // First: it is by this that whoever removes a login knows its database.
      for (const group of [roles.data, sharers])
        await session.change(grantMembership(session, group, name, { inherit: true, set: false }));
      const context = await session.inDatabase(database.name, async (inside) => {
        await upsertLogin(inside, { name, environmentId }, roles);
        return bindLogin(inside, environmentId);
      });
      await setSessionDefaults(session, { name, database: database.name }, context);
    },
  };
}
