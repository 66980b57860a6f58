import type { ClientBase } from "pg";
import { databaseName, type InstallationRoles, sharersName } from "../names.ts";
import { selectRightsProblems, selectRoleProblems } from "./verify-roles.sql.ts";
import { selectSealed, selectSealProblems } from "./verify-seal.sql.ts";
import { selectConstraintProblems, selectRelationProblems } from "./verify-tables.sql.ts";
import { selectVersion } from "./versions.ts";

/**
 * What is wrong with a sealed database, in sentences; empty when a tenant's statement can reach its own rows alone.
 * `client` is connected to that database as an administrator, with nothing but the system in its search path. Changes
 * nothing.
 */
export async function verifySeal(
  client: ClientBase,
  { roles, name }: { roles: InstallationRoles; name: string },
): Promise<string[]> {
  const sealed = await selectSealed(client);
  if (!sealed) return ["The database has no seal."];
  const version = await selectVersion(client, sealed.strategy);
  const foreign = sealed.databaseId !== null && databaseName(sealed.databaseId) !== name;
  const found = [
    await selectRoleProblems(client, roles, sharersName(name)),
    foreign ? ["The seal is another database's."] : [],
    await selectSealProblems(client, roles, version.print),
    await selectRelationProblems(client),
    await selectConstraintProblems(client),
    await selectRightsProblems(client, roles),
  ];
  return found.flat();
}
