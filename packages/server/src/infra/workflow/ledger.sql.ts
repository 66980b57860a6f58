import type { OperationStatus } from "@tenantry/contract";
import { type Db, sql, type Tx } from "../db/index.ts";
import type { RecordedError } from "./failure.ts";
import { json, lazily, statusAfter, told, type Written } from "./fenced-write.ts";
import type { Held } from "./lease.sql.ts";
import type { EndedStatus } from "./operation-state.ts";

// The writes of whoever holds an operation. Each is one statement, carries the fence, and tells watchers.

/** `lazy` as the workflow's `lazyLedger`; `tell` says whether watchers hear of it. */
type Options = { lazy: boolean; tell: boolean };

const toldIf = ({ lazy, tell }: Options) =>
  sql`${tell ? sql`, ${told}` : sql``} ${lazy ? sql`, ${lazily}` : sql``}`;

/** A step runs, unless the operation was turned back meanwhile. */
export function writeStepBegun(
  db: Db,
  held: Held,
  { ordinal, message }: { ordinal: number; message: string },
  options: Options,
): Written {
  return statusAfter(
    sql`
      with operation as (
        update operations set message = case when status = 'running' then ${message} else message end
        where id = ${held.id} and fence = ${held.fence} returning id, status
      ), begun as (
        update operation_steps s set status = 'running', attempt = s.attempt + 1, error = null, ended_at = null,
          started_at = clock_timestamp()
        from operation o where s.operation_id = o.id and s.ordinal = ${ordinal} and o.status = 'running'
      )
      select status ${toldIf(options)} from operation`,
    db,
  );
}

export type StepDone = { ordinal: number; result: unknown; progress: number };

/** A step is done, and the next one runs, unless the operation was turned back meanwhile. */
export function writeStepDone(
  db: Db | Tx,
  held: Held,
  { ordinal, result, progress }: StepDone,
  next: { ordinal: number; message: string } | undefined,
  options: Options,
): Written {
  return statusAfter(
    sql`
      with operation as (
        update operations set progress = ${progress},
          message = case when status = 'running' then coalesce(${next?.message ?? null}, message) else message end
        where id = ${held.id} and fence = ${held.fence} returning id, status
      ), done as (
        update operation_steps s set status = 'done', result = ${json(result)}, error = null,
          ended_at = clock_timestamp()
        from operation o where s.operation_id = o.id and s.ordinal = ${ordinal}
      ), begun as (
        update operation_steps s set status = 'running', attempt = s.attempt + 1, error = null, ended_at = null,
          started_at = clock_timestamp()
        from operation o
        where s.operation_id = o.id and s.ordinal = ${next?.ordinal ?? -1} and o.status = 'running'
      )
      select status ${toldIf(options)} from operation`,
    db,
  );
}

/** Has watchers look at the operation. */
export async function tellWatchers(db: Db, operationId: string): Promise<void> {
  await sql`select pg_notify('tenantry_operation', ${operationId}), ${lazily}`.execute(db);
}

/** A step failed, and the operation with it as `turn` says: it waits and tries again, turns back, or asks for help. */
export function writeStepFailed(
  db: Db | Tx,
  held: Held,
  ordinal: number,
  error: RecordedError,
  turn: { to: "waiting"; delayMs: number } | { to: "undoing" | "needs_operator" },
): Written {
  const release = turn.to === "waiting" || turn.to === "needs_operator";
  return statusAfter(
    sql`
      with operation as (
        update operations set
          status = case when status = 'running' then ${turn.to} else status end,
          error = case when status = 'running' and ${turn.to !== "waiting"} then ${json(error)} else error end,
          wait_until = case when status = 'running' then clock_timestamp()
            + ${turn.to === "waiting" ? turn.delayMs : null}::float8 * interval '1 ms' end,
          lease_holder = case when status = 'running' and ${release} then null else lease_holder end,
          lease_until = case when status = 'running' and ${release} then null else lease_until end
        where id = ${held.id} and fence = ${held.fence} returning id, status
      ), failed as (
        update operation_steps s set status = 'failed', error = ${json(error)}, ended_at = clock_timestamp()
        from operation o where s.operation_id = o.id and s.ordinal = ${ordinal}
      )
      select status, ${told} from operation`,
    db,
  );
}

/** The step asked to wait: not an attempt, and not a failure. */
export function writeStepWaits(
  db: Db,
  held: Held,
  ordinal: number,
  wait: { until: Date; message: string | undefined },
): Written {
  return statusAfter(
    sql`
      with operation as (
        update operations set
          status = case when status = 'running' then 'waiting' else status end,
          wait_until = case when status = 'running' then least(${wait.until}::timestamptz, wait_until) end,
          message = coalesce(${wait.message ?? null}, message),
          lease_holder = case when status = 'running' then null else lease_holder end,
          lease_until = case when status = 'running' then null else lease_until end
        where id = ${held.id} and fence = ${held.fence} returning id, status
      ), waits as (
        update operation_steps s set attempt = greatest(s.attempt - 1, 0)
        from operation o where s.operation_id = o.id and s.ordinal = ${ordinal}
      )
      select status, ${told} from operation`,
    db,
  );
}

/** Lets go of an operation between or within steps, so that another worker goes on. The step begun doesn't count. */
export function writeReleased(db: Db, held: Held, begun: number | undefined): Written {
  return statusAfter(
    sql`
      with operation as (
        update operations set lease_holder = null, lease_until = null
        where id = ${held.id} and fence = ${held.fence} returning id, status
      ), step as (
        update operation_steps s set attempt = greatest(s.attempt - 1, 0)
        from operation o where s.operation_id = o.id and s.ordinal = ${begun ?? -1}
      )
      select status, pg_notify('tenantry_operation_due', id::text) from operation`,
    db,
  );
}

/** Lets go of an operation for a while, in the status it has: its end, or its way back, can't be written now. */
export function writePostponed(db: Db, held: Held, delayMs: number, message: string): Written {
  return statusAfter(
    sql`
      with operation as (
        update operations set lease_holder = null, lease_until = null, message = ${message},
          wait_until = clock_timestamp() + ${delayMs}::float8 * interval '1 ms'
        where id = ${held.id} and fence = ${held.fence} returning id, status
      )
      select status, ${told} from operation`,
    db,
  );
}

export function writeProgress(db: Db, held: Held, progress: number, message: string | undefined): Written {
  return statusAfter(
    sql`
      with operation as (
        update operations set progress = ${progress}, message = coalesce(${message ?? null}, message)
        where id = ${held.id} and fence = ${held.fence} returning id, status
      )
      select status, ${told}, ${lazily} from operation`,
    db,
  );
}

/** From this step on there is no way back. */
export function writeNoReturn(tx: Tx, held: Held, ordinal: number): Written {
  return statusAfter(
    sql`
      update operations set no_return_ordinal = least(no_return_ordinal, ${ordinal})
      where id = ${held.id} and fence = ${held.fence} returning status`,
    tx,
  );
}

/** The last word, when the operation still stands in `from`. Its lease ends with it; what it left is swept. */
export function writeEnded(tx: Tx, held: Held, from: OperationStatus, to: EndedStatus): Written {
  return statusAfter(
    sql`
      with operation as (
        update operations set status = ${to}, ended_at = clock_timestamp(), wait_until = null, message = null,
          progress = case when ${to} = 'succeeded' then 1 else progress end,
          error = case when ${to} = 'failed' then error end,
          lease_holder = null, lease_until = null
        where id = ${held.id} and fence = ${held.fence} and status = ${from} returning id, status
      )
      select status, ${told}, case when exists (
        select 1 from resources where operation_id = ${held.id} and state in ('creating', 'removing')
      ) then pg_notify('tenantry_sweep', id::text) end from operation`,
    tx,
  );
}
