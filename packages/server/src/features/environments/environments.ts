import type { EnvironmentStatus } from "@tenantry/contract";
import type { Tx } from "../../infra/db/index.ts";
import { failure } from "../../kernel/index.ts";
import { requireEnvironmentMove } from "./environment-state.ts";
import { lockEnvironment, updateEnvironmentStatus } from "./environments.sql.ts";

/** Brings an environment into a state; being there already is fine, an illegal move is `illegal_transition`. */
export async function moveEnvironment(tx: Tx, id: string, to: EnvironmentStatus): Promise<void> {
  const environment = await lockEnvironment(tx, id);
  if (!environment) throw failure("environment_not_found");
  if (environment.status === to) return;
  requireEnvironmentMove(environment.status, to);
  await updateEnvironmentStatus(tx, id, to);
}
