import type { ClientBase } from "pg";
import type { InstallationRoles } from "../names.ts";
import { sealFunctionBodies } from "./functions.sql.ts";
import type { SealStrategy } from "./strategy.ts";
import { selectRightsProblems, selectRoleProblems } from "./verify-roles.sql.ts";
import { selectSealProblems } from "./verify-seal.sql.ts";
import { selectConstraintProblems, selectRelationProblems } from "./verify-tables.sql.ts";

/**
 * What is wrong with a sealed database, in sentences; empty when a tenant's statement can reach its own rows alone.
 * `client` is connected to that database as an administrator, with an empty search path. Changes nothing.
 */
export async function verifySeal(
  client: ClientBase,
  sealed: { roles: InstallationRoles; databaseId: string; strategy: SealStrategy },
): Promise<string[]> {
  const { roles, strategy } = sealed;
  const found = [
    await selectRoleProblems(client, roles),
    await selectSealProblems(client, { ...sealed, bodies: sealFunctionBodies(strategy) }),
    await selectRelationProblems(client),
    await selectConstraintProblems(client),
    await selectRightsProblems(client, roles),
  ];
  return found.flat();
}
