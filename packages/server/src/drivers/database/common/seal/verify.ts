import type { ClientBase } from "pg";
import { databaseName, type InstallationRoles, sharersName } from "../names.ts";
import type { SealStrategy } from "./strategy.ts";
import { selectRightsProblems, selectRoleProblems } from "./verify-roles.sql.ts";
import { selectFunctionProblems, selectSealed, selectSealProblems } from "./verify-seal.sql.ts";
import { selectConstraintProblems, selectRelationProblems } from "./verify-tables.sql.ts";
import { selectVersion } from "./versions.ts";

/** Functions in the seal's schema that aren't its own, by name, each with the bodies that it may have. */
export type OwnFunctions = (strategy: SealStrategy) => Readonly<Record<string, readonly string[]>>;

/**
 * What is wrong with a sealed database, in sentences; empty when a tenant's statement can reach its own rows alone.
 * `client` is connected to that database as an administrator, with nothing but the system in its search path. Changes
 * nothing.
 */
export async function verifySeal(
  client: ClientBase,
  { roles, name, ownFunctions }: { roles: InstallationRoles; name: string; ownFunctions: OwnFunctions },
): Promise<string[]> {
  const sealed = await selectSealed(client);
  if (!sealed) return ["The database has no seal."];
  const version = await selectVersion(client, sealed.strategy);
  const foreign = sealed.databaseId !== null && databaseName(sealed.databaseId) !== name;
  const found = [
    await selectRoleProblems(client, roles, sharersName(name)),
    foreign ? ["The seal is another database's."] : [],
    await selectSealProblems(client, roles, version.print),
    // A newer node has made them otherwise, and looks after them.
    version.age === "later"
      ? []
      : await selectFunctionProblems(
          client,
          roles,
          Object.keys(version.print),
          ownFunctions(sealed.strategy),
        ),
    await selectRelationProblems(client),
    await selectConstraintProblems(client),
    await selectRightsProblems(client, roles),
  ];
  return found.flat();
}
