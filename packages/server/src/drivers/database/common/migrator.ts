import { databaseErrorCode } from "../../../infra/db/index.ts";
import { hasCode } from "../../../kernel/index.ts";
import type { AppSchema, DatabaseServer, DriverContext, MigrationLimits } from "../driver.ts";
import { applyMigrations } from "./apply-migrations.ts";
import { openToMigrator, revokeDatabase, selectDatabase } from "./databases.sql.ts";
import { type InstallationRoles, migratorName, ownerName } from "./names.ts";
import {
  createLoginRole,
  dropRole,
  grantMembership,
  reassignOwned,
  roleExists,
  selectOwnerOfMigrator,
  terminateRole,
} from "./roles.sql.ts";
import { newPassword, scramVerifier } from "./scram.ts";
import { type Connect, holderName, type Session, sessionSettings, withAbortable } from "./session.ts";
import { urlAs } from "./url.ts";

export type MigrationRequest = {
  connect: Connect;
  context: DriverContext;
  server: DatabaseServer;
  roles: InstallationRoles;
  limits: MigrationLimits;
  schema: AppSchema;
  /** The database's physical name. */
  name: string;
};

/**
 * Runs an application's migrations as somebody who may do no more than its owner may: a login made for this one run,
 * with a password that nobody keeps. Its files come from the application's developers; the session that prepares and
 * watches them has far more rights, and so never executes any of them.
 */
export async function runMigrations(session: Session, request: MigrationRequest): Promise<number> {
  const { context, schema, name, roles } = request;
  const migrator = migratorName(name);
  const owner = ownerName(schema.appId);
  await context.declareResource(migratorResource(request.server, name));
  await removeMigrator(session, name);
  const password = newPassword();
  await createLoginRole(session, {
    name: migrator,
    verifier: await scramVerifier(password),
    connectionLimit: 1,
    memberships: [
      grantMembership(session, owner, migrator, { inherit: false, set: true }),
      grantMembership(session, roles.ledger, migrator, { inherit: true, set: false }),
    ],
  });
  await openToMigrator(session, name, { migrator, owner });
  const [applied, error] = await logInAndApply(session, request, { migrator, owner, password }).then(
    (count) => [count, undefined] as const,
    (reason: unknown) => [0, reason] as const,
  );
  // A file that fails is an answer; after anything else the session may be of no use, and a repetition cleans up.
  if (error && !hasCode(error, "migration_failed") && !hasCode(error, "migration_changed")) throw error;
  await removeMigrator(session, name);
  await context.resourceRemoved(migratorResource(request.server, name));
  if (error) throw error;
  return applied;
}

function migratorResource(server: DatabaseServer, name: string) {
  return { kind: "role", driver: "database", serverId: server.id, physicalName: migratorName(name) };
}

async function logInAndApply(
  session: Session,
  request: MigrationRequest,
  login: { migrator: string; owner: string; password: string },
): Promise<number> {
  const { context, limits } = request;
  const client = await request.connect({
    connectionString: urlAs(request.server.url, {
      user: login.migrator,
      password: login.password,
      database: request.name,
    }),
    application_name: holderName(context),
    connectionTimeoutMillis: 10_000,
    options: sessionSettings({
      role: login.owner,
      statement_timeout: String(limits.statementTimeoutMs),
      lock_timeout: String(limits.lockTimeoutMs),
      client_min_messages: "warning",
    }),
  });
  const terminate = () => terminateRole(session, login.migrator);
  return withAbortable(client, context.signal, () =>
    applyMigrations({ client, context, limits, terminate }, request.schema.migrations),
  );
}

/** Takes a migrator away, with the rights it had. What a file made in its name falls to the application's owner. */
export async function removeMigrator(session: Session, database: string): Promise<void> {
  const migrator = migratorName(database);
  if (!(await roleExists(session, migrator))) return;
  await terminateRole(session, migrator);
  const owner = await selectOwnerOfMigrator(session, migrator);
  if (await selectDatabase(session, database)) {
    for (const role of [migrator, ...owner]) await revokeDatabase(session, database, role);
  }
  try {
    await dropRole(session, migrator);
  } catch (error) {
    if (databaseErrorCode(error) !== "2BP01" || !owner[0]) throw error;
    await session.inDatabase(database, (inside) => reassignOwned(inside, migrator, owner[0]!));
    await dropRole(session, migrator);
  }
}
