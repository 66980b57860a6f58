import type { IsolationVerdict, SignedIsolationReport } from "@tenantry/contract";
import { type Db, sql, type Tx } from "../../infra/db/index.ts";

export type ReportRow = {
  id: string;
  operationId: string;
  verdict: IsolationVerdict;
  attempts: number;
  breaches: number;
  failed: number;
  skipped: number;
  startedAt: Date;
  endedAt: Date;
};

const columns = sql`
  id, operation_id as "operationId", verdict, attempts, breaches, failed, skipped, started_at as "startedAt",
  ended_at as "endedAt"
`;

/** False when the operation has written its report already. */
export async function insertReport(
  tx: Tx,
  row: ReportRow,
  document: SignedIsolationReport,
): Promise<boolean> {
  const { rows } = await sql`
    insert into isolation_reports
      (id, operation_id, verdict, attempts, breaches, failed, skipped, started_at, ended_at, document)
    values (${row.id}, ${row.operationId}, ${row.verdict}, ${row.attempts}, ${row.breaches}, ${row.failed}, ${row.skipped},
      ${row.startedAt}, ${row.endedAt}, ${JSON.stringify(document)}::jsonb)
    on conflict (operation_id) do nothing returning id
  `.execute(tx);
  return rows.length === 1;
}

/** Newest first, one more than `limit` when there is a next page. */
export async function selectReports(
  db: Db,
  page: { limit: number; after?: string | undefined; operationId?: string | undefined },
): Promise<ReportRow[]> {
  const { limit, after = null, operationId = null } = page;
  const { rows } = await sql<ReportRow>`
    select ${columns} from isolation_reports
    where (${after}::uuid is null or id < ${after}::uuid)
      and (${operationId}::uuid is null or operation_id = ${operationId}::uuid)
    order by id desc limit ${limit + 1}
  `.execute(db);
  return rows;
}

export async function selectReport(db: Db, id: string): Promise<SignedIsolationReport | undefined> {
  const { rows } = await sql<{ document: SignedIsolationReport }>`
    select document from isolation_reports where id = ${id}
  `.execute(db);
  return rows[0]?.document;
}

/** Takes away the oldest reports that ended so many days ago, at most `limit`. */
export async function deleteOldReports(db: Db, days: number, limit: number): Promise<number> {
  const { numAffectedRows } = await sql`
    delete from isolation_reports where id in (
      select id from isolation_reports where ended_at < now() - ${days} * interval '1 day' order by id limit ${limit})
  `.execute(db);
  return Number(numAffectedRows ?? 0);
}

/** One at a time decides whether a verification begins. */
export async function lockVerifications(tx: Tx): Promise<void> {
  await sql`select pg_advisory_xact_lock(7236007)`.execute(tx);
}

/** The verification that is under way. */
export async function selectOpenVerification(tx: Tx, kind: string): Promise<string | undefined> {
  const { rows } = await sql<{ id: string }>`
    select id from operations where kind = ${kind} and status not in ('succeeded', 'failed', 'cancelled') limit 1
  `.execute(tx);
  return rows[0]?.id;
}

/** Whether the last verification of all (or the installation's beginning) lies so many hours back. */
export async function isVerificationDue(tx: Tx, kind: string, hours: number): Promise<boolean> {
  const { rows } = await sql<{ due: boolean }>`
    select greatest((select created_at from installation), (select max(created_at) from operations where kind = ${kind}),
        (select max(started_at) from isolation_reports))
      < now() - ${hours}::float8 * interval '1 hour' as due
  `.execute(tx);
  return rows[0]?.due ?? false;
}

export type IsolationStanding = {
  /** Of the newest report of all; undefined before the first. */
  verifiedAt: Date;
  /** In the newest breached report that no verification of everything has come after without finding any. */
  breaches: number;
  reportId: string | null;
  /** What the newest report of all should have tried and couldn't. */
  failed: number;
  /** The newest report of all. */
  newestId: string;
};

/** How the installation stands: a breach stays one until a verification of everything finds none. */
export async function selectStanding(db: Db): Promise<IsolationStanding | undefined> {
  const { rows } = await sql<IsolationStanding>`
    with clean as (
      select max(id::text) as id from isolation_reports
      where verdict = 'isolated' and document #>> '{report,scope,level}' is null
        and document #>> '{report,scope,tenant}' is null
    ), breached as (
      select r.id, r.breaches from isolation_reports r, clean
      where r.verdict = 'breached' and (clean.id is null or r.id::text > clean.id) order by r.id desc limit 1
    )
    select r.ended_at as "verifiedAt", coalesce((select breaches from breached), 0) as breaches,
      (select id from breached) as "reportId", r.failed, r.id as "newestId"
    from isolation_reports r order by r.id desc limit 1
  `.execute(db);
  return rows[0];
}

/** Tenants into which somebody got lately, as reports show them: whatever chance says, they are looked at again. */
export async function selectSuspects(db: Db): Promise<string[]> {
  const { rows } = await sql<{ tenant: string }>`
    select distinct a ->> 'to' as tenant
    from isolation_reports r cross join jsonb_array_elements(r.document #> '{report,attempts}') a
    where r.verdict = 'breached' and r.ended_at > now() - interval '30 days' and a ->> 'outcome' = 'breach'
      and a ->> 'to' like 'tnt\\_%' limit 50
  `.execute(db);
  return rows.map(({ tenant }) => tenant);
}
