import type { DatabaseLevel } from "@tenantry/contract";
import pg from "pg";
import { hasCode } from "../../../kernel/index.ts";
import type { AppSchema, DatabaseServer, DriverContext, MigrationLimits } from "../driver.ts";
import { applyMigrations, type MigrationWrap, type MigratorRun } from "./apply-migrations.ts";
import { openToMigrator, revokeDatabase } from "./databases.sql.ts";
import { onlyLedger } from "./ledger.sql.ts";
import { type InstallationRoles, migratorName, ownerName } from "./names.ts";
import {
  createLoginRole,
  dropRole,
  grantMembership,
  reassignOwned,
  roleExists,
  selectOwnersOfMigrator,
  selectTracesOfMigrator,
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
} & MigrationPlace;

/** Where migrations run, and as whom. */
export type MigrationPlace = {
  /** The level that a migrator left behind is swept for. */
  level: DatabaseLevel;
  /** The physical database. */
  database: string;
  /** The login of this one run. */
  migrator: string;
  /** Whose rights the files have, and who owns what they make. */
  owner: string;
  /** Whose rights the login has beside, and whom it can become. */
  become?: readonly string[];
  /** The ledger's table. */
  ledger: string;
  /** Where unqualified names are looked for; the server's default when left out. */
  searchPath?: string;
  wrap?: MigrationWrap;
};

/** A database of its own for one schema of an application. */
export function migrationPlace(database: string, schema: AppSchema): MigrationPlace {
  const [migrator, owner] = [migratorName(database), ownerName(schema.appId)];
  return { level: "database", database, migrator, owner, ledger: onlyLedger };
}

/**
 * Runs an application's migrations as somebody who may do no more than its owner may: a login made for this one run,
 * with a password that nobody keeps. Its files come from the application's developers; the session that prepares and
 * watches them has far more rights, and so never executes any of them.
 */
export async function runMigrations(session: Session, request: MigrationRequest): Promise<number> {
  const { wrap } = request;
  return asMigrator(session, request, (run) =>
    applyMigrations({ ...run, ledger: request.ledger, wrap }, request.schema.migrations),
  );
}

/** Works on a connection of a login that is made for this, has the owner's rights, and is gone at the end. */
export async function asMigrator<Result>(
  session: Session,
  request: Omit<MigrationRequest, "schema" | "ledger" | "wrap">,
  work: (run: MigratorRun) => Promise<Result>,
): Promise<Result> {
  const { context, database, migrator, owner, roles, become = [] } = request;
  const resource = {
    kind: "role",
    driver: request.level,
    serverId: request.server.id,
    physicalName: migrator,
  };
  await context.declareResource(resource);
  await removeMigrator(session, migrator);
  const password = newPassword();
  await createLoginRole(session, {
    name: migrator,
    verifier: await scramVerifier(password),
    connectionLimit: 1,
    memberships: [
      grantMembership(session, owner, migrator, { inherit: false, set: true }),
      grantMembership(session, roles.ledger, migrator, { inherit: true, set: false }),
      ...become.map((role) => grantMembership(session, role, migrator, { inherit: true, set: true })),
    ],
  });
  await openToMigrator(session, database, { migrator, owner });
  const [result, error] = await logIn(session, request, password, work).then(
    (done) => [done, undefined] as const,
    (reason: unknown) => [undefined, reason] as const,
  );
  // A file that fails is an answer; after anything else the session may be of no use, and a repetition cleans up.
  if (error && !isAnswer(error)) throw error;
  await removeMigrator(session, migrator);
  await context.resourceRemoved(resource);
  if (error) throw error;
  return result as Result;
}

/**
 * The same for reading all rows there are. A login sees those that the application's own policies hide from their owner
 * where we can let it; where we can't (`session.liftsPolicies`), whoever reads has to see to that.
 */
export async function asReader<Result>(
  session: Session,
  request: Omit<MigrationRequest, "schema" | "ledger" | "wrap">,
  work: (run: MigratorRun) => Promise<Result>,
): Promise<Result> {
  return asMigrator(session, { ...request, become: [request.owner] }, async (run) => {
    if (session.liftsPolicies) {
      await session.change(`alter role ${pg.escapeIdentifier(request.migrator)} bypassrls`);
      await run.client.query("set role none");
    }
    return work(run);
  });
}

const answers = [
  "migration_failed",
  "migration_changed",
  "isolation_unavailable",
  "archive_damaged",
  "archive_mismatch",
  "rows_not_portable",
] as const;

/** Whether an error tells of a file, and not of the way there. */
export const isAnswer = (error: unknown): boolean => answers.some((code) => hasCode(error, code));

async function logIn<Result>(
  session: Session,
  request: Omit<MigrationRequest, "schema" | "ledger" | "wrap">,
  password: string,
  work: (run: MigratorRun) => Promise<Result>,
): Promise<Result> {
  const { context, limits, searchPath, owner } = request;
  const settings = { role: owner, ...(searchPath === undefined ? {} : { search_path: searchPath }) };
  const client = await connectMigrator(request, { ...request, password, settings });
  const terminate = () => terminateRole(session, request.migrator);
  return withAbortable(client, context.signal, () => work({ client, context, limits, terminate }));
}

/** A connection of a login that runs files. */
export function connectMigrator(
  { connect, limits }: Pick<MigrationRequest, "connect" | "limits">,
  to: Pick<MigrationRequest, "context" | "server" | "migrator" | "database"> & {
    password: string;
    settings: Record<string, string>;
  },
): Promise<pg.Client> {
  const { database, migrator: user, password } = to;
  return connect({
    connectionString: urlAs(to.server.url, { user, password, database }),
    application_name: holderName(to.context),
    connectionTimeoutMillis: 10_000,
    options: sessionSettings({
      ...to.settings,
      statement_timeout: String(limits.statementTimeoutMs),
      lock_timeout: String(limits.lockTimeoutMs),
      client_min_messages: "warning",
    }),
  });
}

/**
 * Takes a migrator away, with the rights it had, and those that its owner had for the time. What a file made in its name
 * falls to the application's owner.
 */
export async function removeMigrator(session: Session, migrator: string): Promise<void> {
  if (!(await roleExists(session, migrator))) return;
  await terminateRole(session, migrator);
  const owners = await selectOwnersOfMigrator(session, migrator);
  const { opened, holding } = await selectTracesOfMigrator(session, migrator);
  for (const database of opened)
    for (const role of [migrator, ...owners]) await revokeDatabase(session, database, role);
  if (owners[0]) {
    for (const database of holding)
      await session.inDatabase(database, (inside) => reassignOwned(inside, migrator, owners[0]!));
  }
  await dropRole(session, migrator);
}
