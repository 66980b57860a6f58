import { failure } from "../../../kernel/index.ts";
import { emitSchema } from "../common/emit/emit-schema.ts";
import { createLedger, insertLedger } from "../common/ledger.sql.ts";
import { asMigrator } from "../common/migrator.ts";
import {
  blueprintName,
  containerName,
  extensionSchema,
  partsOfPlace,
  rolesOfSchema,
  schemaPlace,
} from "../common/names.ts";
import type { DriverParts } from "../common/parts.ts";
import { createGroupRole, createLoginRole, grantMembership } from "../common/roles.sql.ts";
import { newPassword, scramVerifier } from "../common/scram.ts";
import { type Session, withSession } from "../common/session.ts";
import type { AppSchema, BuiltDatabase, DatabaseServer, DriverContext } from "../driver.ts";
import { selectForm } from "./containers.sql.ts";
import { migrationPlace } from "./migration-place.ts";
import { createSchema, hasEntries, schemaExists, setSearchPath } from "./schemas.sql.ts";

type Request = { server: DatabaseServer; databaseId: string; schema: AppSchema };

/** Implements `DatabaseDriver.build`. */
export async function build(
  parts: DriverParts,
  context: DriverContext,
  request: Request,
): Promise<BuiltDatabase> {
  const name = schemaPlace(request.schema.appId, request.databaseId);
  const { container, schema } = partsOfPlace(name);
  const { login, owner } = rolesOfSchema(schema);
  const built = { name, roleName: login, password: newPassword() };
  const resource = { driver: "schema", serverId: request.server.id };
  const resources = [
    { ...resource, kind: "database", physicalName: name },
    { ...resource, kind: "role", physicalName: login },
    { ...resource, kind: "role", physicalName: owner },
  ];
  for (const each of resources) await context.declareResource(each);
  const verifier = await scramVerifier(built.password);
  await withSession(parts.connect, context, request.server, schema, async (session) => {
    await createGroupRole(session, owner);
    await session.change(grantMembership(session, container, owner, { inherit: true, set: false }));
    await createLoginRole(session, {
      name: login,
      verifier,
      connectionLimit: parts.connectionLimit,
      memberships: [grantMembership(session, container, login, { inherit: true, set: false })],
    });
    await setSearchPath(session, { container, schema, login });
    await fill(parts, session, context, request, { schema, login, owner });
  });
  for (const each of resources) await context.resourcePresent(each);
  return built;
}

/** A schema that an earlier attempt finished is as good as new; one that it didn't is made again. */
async function fill(
  parts: DriverParts,
  session: Session,
  context: DriverContext,
  request: Request,
  place: { schema: string; login: string; owner: string },
): Promise<void> {
  const { migrations, appId } = request.schema;
  const lookAndBegin = async (inside: Session) => {
    await createLedger(inside, place.schema, parts.roles);
    if ((await hasEntries(inside, place.schema)) && (await schemaExists(inside, place.schema)))
      return undefined;
    const form = await selectForm(inside, blueprintName(request.schema));
    if (!form) throw failure("unavailable", { detail: "The blueprint hasn't been read yet." });
    await createSchema(inside, place);
    return form;
  };
  const catalog = await session.inDatabase(containerName(appId), lookAndBegin, { stays: true });
  if (!catalog) return;
  const { schema: schemaName } = place;
  const { statements } = emitSchema(catalog, { schemaName, extensionSchemas: [extensionSchema] });
  const where = migrationPlace(containerName(appId), schemaName);
  // The application's own functions may run: as its owner, and not with our rights.
  await asMigrator(session, { ...parts, context, server: request.server, ...where }, async ({ client }) => {
    await client.query("begin");
    await client.query(statements.join(";\n"));
    await client.query("set local role none");
    for (const migration of migrations) await insertLedger(client, schemaName, migration, true);
    await client.query("commit");
  });
}
