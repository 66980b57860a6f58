import type { EnvironmentStatus } from "@tenantry/contract";
import { type Db, sql, type Tx } from "../../infra/db/index.ts";

export type EnvironmentRow = {
  id: string;
  tenantId: string;
  name: "production" | "staging" | "development" | "sandbox";
  status: EnvironmentStatus;
  maintenanceMessage: string | null;
  maintenanceRetryAfterSeconds: number | null;
  /** Nobody gets at it while it is carried to another place, whatever its status. */
  moving: boolean;
};

const columns = sql`
  id, tenant_id as "tenantId", name, status, maintenance_message as "maintenanceMessage",
  maintenance_retry_after_seconds as "maintenanceRetryAfterSeconds", moving
`;

export async function insertEnvironment(
  tx: Tx,
  environment: Pick<EnvironmentRow, "id" | "tenantId" | "name">,
): Promise<void> {
  await sql`
    insert into environments (id, tenant_id, name, status)
    values (${environment.id}, ${environment.tenantId}, ${environment.name}, 'provisioning')
  `.execute(tx);
}

/** Locks the row until the transaction ends, so that two moves of one environment follow each other. */
export async function lockEnvironment(tx: Tx, id: string): Promise<EnvironmentRow | undefined> {
  const { rows } = await sql<EnvironmentRow>`
    select ${columns} from environments where id = ${id} for update
  `.execute(tx);
  return rows[0];
}

export async function selectEnvironmentsOf(
  db: Db | Tx,
  tenantIds: readonly string[],
): Promise<EnvironmentRow[]> {
  const { rows } = await sql<EnvironmentRow>`
    select ${columns} from environments where tenant_id = any (${tenantIds}::uuid[])
    order by array_position(array['production', 'staging', 'development', 'sandbox'], name)
  `.execute(db);
  return rows;
}

export async function updateEnvironmentStatus(tx: Tx, id: string, status: EnvironmentStatus): Promise<void> {
  await sql`update environments set status = ${status}, updated_at = now() where id = ${id}`.execute(tx);
}

/** Answers whether it wasn't so already. */
export async function updateMoving(tx: Tx, id: string, moving: boolean): Promise<boolean> {
  const { rows } = await sql`
    update environments set moving = ${moving}, updated_at = now() where id = ${id} and moving <> ${moving} returning id
  `.execute(tx);
  return rows.length > 0;
}

/** What visitors are told during maintenance; nothing, outside it. */
export type MaintenanceNotice = { message: string | null; retryAfterSeconds: number | null };

export async function updateMaintenanceNotice(tx: Tx, id: string, notice: MaintenanceNotice): Promise<void> {
  await sql`
    update environments set maintenance_message = ${notice.message},
      maintenance_retry_after_seconds = ${notice.retryAfterSeconds}, updated_at = now()
    where id = ${id}
  `.execute(tx);
}
