import type { OperationStatus, StepStatus } from "@tenantry/contract";
import { type Db, sql } from "../../infra/db/index.ts";
import type { RecordedError } from "../../infra/workflow/index.ts";
import { stuckSince } from "./amiss.sql.ts";

export type StepRow = {
  name: string;
  title: string;
  status: StepStatus;
  attempt: number;
  error: RecordedError | null;
  startedAt: string | null;
  endedAt: string | null;
};

export type OperationRow = {
  id: string;
  kind: string;
  status: OperationStatus;
  tenantId: string | null;
  environmentId: string | null;
  progress: number;
  message: string | null;
  error: RecordedError | null;
  requestedBy: string | null;
  waitUntil: Date | null;
  stuckSince: Date | null;
  createdAt: Date;
  startedAt: Date | null;
  endedAt: Date | null;
  steps: StepRow[];
};

const columns = sql`
  o.id, o.kind, o.status, o.tenant_id as "tenantId", o.environment_id as "environmentId", o.progress, o.message,
  o.error, o.requested_by as "requestedBy", o.wait_until as "waitUntil", ${stuckSince} as "stuckSince", o.created_at as "createdAt",
  o.started_at as "startedAt", o.ended_at as "endedAt", (
    select coalesce(json_agg(json_build_object('name', s.name, 'title', s.title, 'status', s.status,
      'attempt', s.attempt, 'error', s.error, 'startedAt', s.started_at, 'endedAt', s.ended_at) order by s.ordinal), '[]')
    from operation_steps s where s.operation_id = o.id
  ) as steps
`;

export async function selectOperation(db: Db, id: string): Promise<OperationRow | undefined> {
  const { rows } = await sql<OperationRow>`select ${columns} from operations o where id = ${id}`.execute(db);
  return rows[0];
}

export type OperationFilter = {
  status?: readonly OperationStatus[];
  tenantId?: string;
  kind?: string;
  /** Those that the platform made for itself as well. */
  internal?: boolean;
};

/** The newest first, after the operation `after`: ids are made in the order of time. */
export async function selectOperations(
  db: Db,
  filter: OperationFilter,
  page: { limit: number; after: string | undefined },
): Promise<OperationRow[]> {
  const conditions = [
    filter.internal ? undefined : sql`not o.internal`,
    filter.status && sql`o.status = any(${filter.status}::text[])`,
    filter.tenantId && sql`o.tenant_id = ${filter.tenantId}`,
    filter.kind && sql`o.kind = ${filter.kind}`,
    page.after && sql`o.id < ${page.after}`,
  ].filter((condition) => condition !== undefined && condition !== "");
  const { rows } = await sql<OperationRow>`
    select ${columns} from operations o
    where ${sql.join([sql`true`, ...conditions], sql` and `)}
    order by o.id desc limit ${page.limit}
  `.execute(db);
  return rows;
}
