import type { EnvironmentStatus } from "@tenantry/contract";
import type { Db, Tx } from "../../infra/db/index.ts";
import { echo, failure } from "../../kernel/index.ts";
import type { TenantRow } from "../tenants/index.ts";
import { requireEnvironmentMove } from "./environment-state.ts";
import {
  type EnvironmentRow,
  lockEnvironment,
  type MaintenanceNotice,
  selectEnvironmentsOf,
  updateEnvironmentStatus,
  updateMaintenanceNotice,
} from "./environments.sql.ts";

/** A tenant's environment by its name. Throws `environment_not_found`, at `pointer` where a body names it. */
export async function findEnvironment(
  db: Db | Tx,
  tenant: Pick<TenantRow, "id" | "slug">,
  name: string,
  pointer?: string,
): Promise<EnvironmentRow> {
  const environment = (await selectEnvironmentsOf(db, [tenant.id])).find((one) => one.name === name);
  if (environment) return environment;
  const message = `${tenant.slug} has no environment ${echo(name)}.`;
  throw failure("environment_not_found", {
    detail: message,
    ...(pointer && { errors: [{ pointer, message }] }),
  });
}

/** Brings an environment into a state; being there already is fine, an illegal move is `illegal_transition`. */
export async function moveEnvironment(tx: Tx, id: string, to: EnvironmentStatus): Promise<void> {
  const environment = await lockEnvironment(tx, id);
  if (!environment) throw failure("environment_not_found");
  if (environment.status === to) return;
  requireEnvironmentMove(environment.status, to);
  await updateEnvironmentStatus(tx, id, to);
}

/** Closes an environment to visitors, who are told `notice`. Again with another notice: that is told from then on. */
export async function beginMaintenance(tx: Tx, id: string, notice: MaintenanceNotice): Promise<void> {
  await moveEnvironment(tx, id, "maintenance");
  await updateMaintenanceNotice(tx, id, notice);
}

/** Opens an environment after its maintenance. */
export async function endMaintenance(tx: Tx, id: string): Promise<void> {
  await moveEnvironment(tx, id, "ready");
  await updateMaintenanceNotice(tx, id, { message: null, retryAfterSeconds: null });
}
