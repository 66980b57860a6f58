import { createHash } from "node:crypto";
import { encodeUuid } from "../../../kernel/index.ts";
import type { AppSchema } from "../driver.ts";

/** Physical names are made from ids alone: they tell a neighbour who lists them nothing, and never have to change. */
export const databaseName = (databaseId: string): string => `tn_${encodeUuid(databaseId)}`;

/** The environment's own login. */
export const roleName = (databaseId: string): string => `tnr_${encodeUuid(databaseId)}`;

/** A login of an environment for programs that don't use the SDK. */
export const loginName = (loginId: string): string => `tnl_${encodeUuid(loginId)}`;

export const isLogin = (role: string): boolean => role.startsWith("tnl_");

/** Lets its members, which are logins of environments, connect to a database that environments share. */
export const sharersName = (database: string): string => database.replace(/^tn_/, "tng_");

/**
 * Holds the schemas of an application's environments at the level `schema`. The role of that name may connect to it, and
 * has no other right; the environments' roles are its members.
 */
export const containerName = (appId: string): string => `tnc_${encodeUuid(appId)}`;

/** What an environment has at the level `schema`: `<container>.<schema>`. */
export const schemaPlace = (appId: string, databaseId: string): string =>
  `${containerName(appId)}.tns_${encodeUuid(databaseId)}`;

/** The container and the schema of such a place. */
export function partsOfPlace(place: string): { container: string; schema: string } {
  const [container = "", schema = ""] = place.split(".");
  return { container, schema };
}

/** The roles of a schema: its environment's login, the owner of what is in it, the login of a run of migrations. */
export function rolesOfSchema(schema: string): { login: string; owner: string; migrator: string } {
  const [login, owner, migrator] = ["tnr_", "tno_", "tnm_"].map((prefix) => schema.replace(/^tns_/, prefix));
  return { login: login!, owner: owner!, migrator: migrator! };
}

/** The schema that a role of the level `schema` is for. */
export const schemaOfRole = (role: string): string => role.replace(/^tn[rom]_/, "tns_");

/** Where extensions lie in a container. */
export const extensionSchema = "tenantry_extensions";

/** A login that lives for one run of migrations in the database of that name. */
export const migratorName = (database: string): string => database.replace(/^tn(b?)_/, "tnm$1_");

/** Every role that may exist for the database of that name, beside logins that were given out. */
export function rolesOfDatabase(database: string): string[] {
  const migrator = migratorName(database);
  if (!database.startsWith("tn_")) return [migrator];
  return [database.replace(/^tn_/, "tnr_"), migrator, sharersName(database)];
}

/** The database that a role of ours is for. */
export const databaseOfRole = (role: string): string => role.replace(/^tn[rmg](b?)_/, "tn$1_");

/** The owner of all tables of an application; nobody can log in as it. */
export const ownerName = (appId: string): string => `tno_${encodeUuid(appId)}`;

/** Owns functions of an application that run with their owner's rights, where those may be no more than to write rows. */
export const writerName = (appId: string): string => `tnw_${encodeUuid(appId)}`;

/** By content, since a release that failed may come again with other migrations under the same version. */
export function blueprintName(schema: AppSchema): string {
  const content = schema.migrations.map((migration) => `${migration.name}\0${migration.checksum}\n`).join("");
  const digest = createHash("sha256").update(content).digest("hex").slice(0, 16);
  return `tnb_${encodeUuid(schema.appId)}_${digest}`;
}

/** Roles that an installation has once per server. None can log in. */
export type InstallationRoles = {
  /** Owns every database, which is how a database is recognised as this installation's. */
  databases: string;
  /** May read and write rows in the databases that its members can connect to. */
  data: string;
  /** May write the ledger of migrations. */
  ledger: string;
  /** Owns what proves, in a database that many share, whose rows a statement is about. */
  seal: string;
};

export function installationRoles(installationId: string): InstallationRoles {
  // The end of an id is random, its beginning is the time.
  const suffix = encodeUuid(installationId).slice(-8);
  return {
    databases: `tenantry_owner_${suffix}`,
    data: `tenantry_app_${suffix}`,
    ledger: `tenantry_ledger_${suffix}`,
    seal: `tenantry_seal_${suffix}`,
  };
}

/** The place of migrations' records in every database. */
export const ledgerSchema = "tenantry_ledger";
