import type { Login, LoginPlace, Logins, PhysicalDatabase } from "../driver.ts";
import { letIn } from "./databases.sql.ts";
import { homeName } from "./emit/home.ts";
import { createClosedLogin, openLogin, setSessionDefaults } from "./logins.sql.ts";
import { loginName } from "./names.ts";
import type { DriverParts } from "./parts.ts";
import { forbidLogin, grantMembership, leaveRole, roleExists, terminateRole } from "./roles.sql.ts";
import { scramVerifier } from "./scram.ts";
import { type Session, withSession } from "./session.ts";
import { clientUrl } from "./url.ts";

/** Backends that one login may hold: its programs aren't counted by the leased budgets of applications. */
const connectionLimit = 10;

/** In what the levels differ. */
export type LoginKind = {
  /** By which the sweeper knows how to remove one. */
  driver: string;
  databaseOf(database: PhysicalDatabase): string;
  schemaOf(database: PhysicalDatabase): string;
  /** Gives a login, which is closed, all that it needs of its environment. Repeatable. */
  admit(session: Session, place: LoginPlace, name: string): Promise<void>;
};

/** Implements `DatabaseDriver.logins`. */
export function createLogins(parts: DriverParts, kind: LoginKind): Logins {
  return {
    nameOf: loginName,
    schemaOf: kind.schemaOf,
    url: (server, database, { roleName, password }) =>
      clientUrl(server.url, { user: roleName, password, database: kind.databaseOf(database) }),

    async place(context, { login, ...place }) {
      const { roleName: name } = login;
      const resource = { kind: "role", driver: kind.driver, serverId: place.server.id, physicalName: name };
      await context.declareResource(resource);
      const verifier = await scramVerifier(login.password);
      await withSession(parts.connect, context, place.server, name, async (session) => {
        const database = kind.databaseOf(place.database);
        await createClosedLogin(session, { name, verifier, connectionLimit, database });
        await endConnections(session, name);
        await kind.admit(session, place, name);
      });
      await context.resourcePresent(resource);
    },

    align: (context, { server, roleName, state }) =>
      withSession(parts.connect, context, server, roleName, async (session) => {
        if (!(await roleExists(session, roleName))) return;
        const { open, until } = await state();
        if (open) return openLogin(session, roleName, until);
        await forbidLogin(session, roleName);
        await endConnections(session, roleName);
        // One that was let in at the last moment shows only now.
        await session.read("select pg_sleep(0.05)");
        await endConnections(session, roleName);
      }),
  };
}

async function endConnections(session: Session, name: Login["roleName"]): Promise<void> {
  await terminateRole(session, name);
  await leaveRole(session, name);
}

/** The kind for a database of an environment's own: the rights are in it already, all it takes is to be let in. */
export function databaseLogins(parts: DriverParts): LoginKind {
  return {
    driver: "database",
    databaseOf: ({ name }) => name,
    schemaOf: () => homeName,
    async admit(session, { database }, name) {
      await session.change(grantMembership(session, parts.roles.data, name, { inherit: true, set: false }));
      await setSessionDefaults(session, { name, database: database.name });
      await letIn(session, database.name, name);
    },
  };
}
