import type { OwnEntrance } from "../common/close.ts";
import { grantSchema, selectSchemaLogins, setSessionDefaults } from "../common/logins.sql.ts";
import type { LoginKind } from "../common/logins.ts";
import { partsOfPlace, rolesOfSchema } from "../common/names.ts";
import { grantMembership } from "../common/roles.sql.ts";
import type { ClosingPlace } from "../driver.ts";
import { setSearchPath } from "./schemas.sql.ts";

/** Logins at the level `schema`: with the rights, and the search path, of the environment's own. */
export const schemaLogins: LoginKind = {
  driver: "schema",
  databaseOf: ({ name }) => partsOfPlace(name).container,
  schemaOf: ({ name }) => partsOfPlace(name).schema,
  async admit(session, { database }, login) {
    const { container, schema } = partsOfPlace(database.name);
    const { owner } = rolesOfSchema(schema);
    // First: it is by this that whoever removes a login knows where its rights are.
    await session.change(grantMembership(session, container, login, { inherit: true, set: false }));
    await setSessionDefaults(session, { name: login, database: container });
    await setSearchPath(session, { container, schema, login });
    await session.inDatabase(container, (inside) => grantSchema(inside, { schema, owner }, login));
  },
};

/** By which roles an environment gets at its schema. */
export function entranceOf({ database }: ClosingPlace): OwnEntrance {
  const { container, schema } = partsOfPlace(database.name);
  return {
    lock: schema,
    role: rolesOfSchema(schema).login,
    logins: (session) => session.inDatabase(container, (inside) => selectSchemaLogins(inside, schema)),
  };
}
