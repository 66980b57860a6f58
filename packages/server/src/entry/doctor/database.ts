import { checkServer } from "../../drivers/database/index.ts";
import { selectAutomaticTls } from "../../features/domains/index.ts";
import { createPlacements, selectUnsealedDatabases } from "../../features/placements/index.ts";
import { registryRoleName, tryRegistryRole } from "../../gateway/index.ts";
import type { Config } from "../../infra/config/index.ts";
import { createDb, type Db, inTransaction, registryMigrations, sql } from "../../infra/db/index.ts";
import { silentLog } from "../../infra/log/index.ts";
import { createPostgresFleet } from "../../infra/postgres-process/index.ts";
import { createSecrets, loadMasterKey } from "../../infra/secrets/index.ts";
import { createDrivers } from "../drivers.ts";
import { selectInstallation } from "../installation.sql.ts";
import { fleetDirectory } from "../registry.ts";
import { type Finding, ok, problem, warning } from "./check.ts";
import { checkIsolation } from "./isolation.ts";
import { tellLeftovers } from "./leftovers.ts";
import { checkOperations } from "./operations.ts";

const mostClockSkewMs = 1_000;

/** Looks at the PostgreSQL behind `url`: reachable, new enough, with the rights it takes, its clock, its schema. */
export async function checkDatabase(config: Config, url: string): Promise<Finding[]> {
  const check = await checkServer(url);
  if (!check.usable) {
    return check.missing.map((missing) =>
      problem("postgres", missing, "Mend it, or give another DATABASE_URL."),
    );
  }
  const version = `${Math.floor(check.versionNumber / 10_000)}.${check.versionNumber % 10_000}`;
  const rights = check.warnings.map((text) =>
    warning("postgres", text, "See the guide on database servers."),
  );
  const db = createDb({ url, applicationName: "tenantry doctor", maxConnections: 2 });
  try {
    const registry = await checkRegistry(db, config, url);
    return [
      ok("postgres", `PostgreSQL ${version}, and the role may make databases and roles.`),
      ...rights,
      ...registry,
    ];
  } finally {
    await db.destroy();
  }
}

async function checkRegistry(db: Db, config: Config, url: string): Promise<Finding[]> {
  const clock = await checkClock(db);
  const { rows } = await sql<{ present: boolean }>`
    select to_regclass('tenantry.schema_migrations') is not null as present
  `.execute(db);
  if (!rows[0]!.present) return [clock, ok("registry", "There is none yet: the first start makes it.")];
  const schema = await checkSchema(db);
  return [
    clock,
    schema,
    ...(await checkGatewayRole(db, url)),
    ...(await checkOperations(db)),
    ...(schema.status === "ok" ? await checkContents(db, config) : []),
    ...(await checkLeftovers(db, config)),
  ];
}

async function checkClock(db: Db): Promise<Finding> {
  const before = Date.now();
  const { rows } = await sql<{ now: Date }>`select clock_timestamp() as now`.execute(db);
  const skewMs = Math.abs(rows[0]!.now.getTime() - (before + Date.now()) / 2);
  if (skewMs <= mostClockSkewMs) return ok("clock", "This machine and the database agree on the time.");
  const detail = `This machine's clock and the database's are ${Math.round(skewMs / 1000)} s apart.`;
  return problem("clock", detail, "Set both by NTP: tokens run out and schedules go by the clock.");
}

async function checkSchema(db: Db): Promise<Finding> {
  const { rows } = await sql<{
    version: number;
  }>`select coalesce(max(version), 0) as version from schema_migrations`.execute(db);
  const known = (await registryMigrations()).length;
  const { version } = rows[0]!;
  if (version === known) return ok("registry", `Its schema is the one of this version (${version}).`);
  if (version < known)
    return warning(
      "registry",
      `Its schema is ${version}, this version brings ${known}.`,
      "Start Tenantry: it migrates.",
    );
  return warning(
    "registry",
    `Its schema is ${version}, newer than this version's ${known}.`,
    "Update this node.",
  );
}

/** Whether gateways work in the registry with less than the login's own rights. */
async function checkGatewayRole(db: Db, url: string): Promise<Finding[]> {
  const installation = await selectInstallation(db);
  if (!installation) return [];
  const role = registryRoleName(installation.id);
  try {
    await tryRegistryRole(url, role);
    return [ok("gateway", "Gateways can read routes in the registry, and nothing else.")];
  } catch (error) {
    const detail = `Gateways have the login's own rights in the registry: the role ${role} can't be used (${(error as Error).message}).`;
    return [
      warning("gateway", detail, "Let the login of DATABASE_URL make roles (CREATEROLE), then start again."),
    ];
  }
}

/** What needs a registry of this version. */
async function checkContents(db: Db, config: Config): Promise<Finding[]> {
  return [await checkHttps(db, config), ...(await checkSeals(db)), await checkIsolation(db)];
}

/** Whether tenants' hosts are served over HTTPS: one may look for the fault elsewhere where a setting says no. */
async function checkHttps(db: Db, { settings }: Config): Promise<Finding> {
  const known = await inTransaction(db, selectAutomaticTls);
  if (settings.automaticTls?.value ?? known)
    return ok("https", "Tenants' hosts get certificates from the installation's own authority.");
  return ok(
    "https",
    "No host is served over HTTPS: the setting automaticTls is off, so none gets a certificate.",
  );
}

/** Whether what was found when a node last looked keeps shared databases from being used. */
async function checkSeals(db: Db): Promise<Finding[]> {
  const unsealed = await selectUnsealedDatabases(db);
  return unsealed.map(({ name, problems }) =>
    problem(
      "seals",
      `The shared database ${name} serves nobody, since it doesn't keep tenants apart: ${problems.join(" ")}`,
      "Mend what is named. Workers look again each hour and when they start.",
    ),
  );
}

async function checkLeftovers(db: Db, config: Config): Promise<Finding[]> {
  const installation = await selectInstallation(db);
  if (!installation) return [];
  const { dataDir, masterKeyFile } = config;
  const secrets = createSecrets(await loadMasterKey({ dataDir, masterKeyFile }));
  // To be listed, not started: that is for the node whose servers they are.
  const fleet = config.databaseUrl
    ? undefined
    : createPostgresFleet({ directory: fleetDirectory(dataDir), log: silentLog });
  const { closeDrivers, ...drivers } = createDrivers({
    ...{ db, dataDir, secrets, fleet },
    installationId: installation.id,
  });
  const placements = createPlacements({
    ...drivers,
    secrets,
    onTaken: () => undefined,
    onSpareEnded: () => undefined,
  });
  const found = await placements.scanForLeftovers(db).finally(closeDrivers);
  return tellLeftovers(found);
}
