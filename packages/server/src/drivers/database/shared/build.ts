import { randomBytes } from "node:crypto";
import { failure } from "../../../kernel/index.ts";
import type { Catalog } from "../common/catalog/catalog.ts";
import { createDatabase, dropDatabase, openDatabase, selectDatabase } from "../common/databases.sql.ts";
import { blueprintName, databaseName, roleName, sharersName } from "../common/names.ts";
import type { DriverParts } from "../common/parts.ts";
import { createLoginRole, grantMembership } from "../common/roles.sql.ts";
import { newPassword, scramVerifier } from "../common/scram.ts";
import { installSeal, verifySeal } from "../common/seal/index.ts";
import { type Session, withSession } from "../common/session.ts";
import type { AppSchema, BuiltDatabase, DatabaseServer, DriverContext } from "../driver.ts";
import { fillShared, takeCatalog } from "./fill.ts";
import { ownFunctions } from "./own-functions.ts";
import { mayConnect } from "./shared.sql.ts";
import { welcomeLogins } from "./welcome-logins.ts";

/** Implements `DatabaseDriver.build`. The role's right to connect is the mark of a finished database. */
export async function build(
  parts: DriverParts,
  context: DriverContext,
  request: { server: DatabaseServer; databaseId: string; schema: AppSchema },
): Promise<BuiltDatabase> {
  const { databaseId, schema } = request;
  const key = randomBytes(32);
  const built = {
    name: databaseName(databaseId),
    roleName: roleName(databaseId),
    password: newPassword(),
    sealKey: key.toString("base64"),
  };
  const resource = { driver: "database", serverId: request.server.id };
  const database = { ...resource, kind: "database", physicalName: built.name };
  const role = { ...resource, kind: "role", physicalName: built.roleName };
  await context.declareResource(database);
  await context.declareResource(role);
  const sharers = { ...resource, kind: "role", physicalName: sharersName(built.name) };
  await context.declareResource({ ...sharers, common: true });
  await withSession(parts.connect, context, request.server, built.name, async (session) => {
    await createLogin(parts, session, built);
    const facts = await selectDatabase(session, built.name);
    const finished = facts && !facts.broken && (await mayConnect(session, built.name, built.roleName));
    const { name } = built;
    const catalog = finished
      ? undefined
      : await copyBlueprint(parts, session, context, { server: request.server, name, schema });
    const strategy = await installSeal(session, {
      ...{ roles: parts.roles, name, databaseId, key },
      pooled: request.server.poolerUrl !== undefined,
    });
    if (catalog) {
      await fillShared(parts, session, context, { server: request.server, name, schema, strategy, catalog });
    }
    const problems = await session.inDatabase(built.name, (inside) =>
      inside.inspect((client) => verifySeal(client, { roles: parts.roles, name: built.name, ownFunctions })),
    );
    if (problems.length > 0) throw unsealed(problems);
    await welcomeLogins(session, built.name);
    await openDatabase(session, built.name, built.roleName);
  });
  await context.resourcePresent(database);
  await context.resourcePresent(role);
  await context.resourcePresent(sharers);
  return built;
}

async function createLogin(
  parts: DriverParts,
  session: Session,
  login: { roleName: string; password: string },
): Promise<void> {
  await createLoginRole(session, {
    name: login.roleName,
    verifier: await scramVerifier(login.password),
    connectionLimit: parts.connectionLimit,
    memberships: [grantMembership(session, parts.roles.data, login.roleName, { inherit: true, set: false })],
  });
}

/** What an earlier attempt left half done can't be told from what is missing. */
async function copyBlueprint(
  parts: DriverParts,
  session: Session,
  context: DriverContext,
  request: { server: DatabaseServer; name: string; schema: AppSchema },
): Promise<Catalog> {
  const { name, schema } = request;
  await dropDatabase(session, name);
  await createDatabase(session, { name, owner: parts.roles.databases, template: blueprintName(schema) });
  await openDatabase(session, name);
  return takeCatalog(parts, session, context, request);
}

function unsealed(problems: readonly string[]): Error {
  return failure("isolation_unavailable", {
    detail: `The application's schema can't be sealed: ${problems.join(" ")}`,
    remedy: 'Change what is named, or use the level "database".',
  });
}
