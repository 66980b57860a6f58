import { type Db, sql, type Tx } from "../db/index.ts";
import type { RecordedError } from "./failure.ts";
import { json, statusAfter, told, type Written } from "./fenced-write.ts";
import type { Held } from "./lease.sql.ts";

// The writes of the way back; the same promises as those of the ledger.

/** A step is being undone; its attempts count from 1 again. Answers which attempt this is. */
export async function writeUndoBegun(
  db: Db,
  held: Held,
  ordinal: number,
  message: string,
): Promise<number | undefined> {
  const { rows } = await sql<{ attempt: number }>`
    with operation as (
      update operations set message = ${message}
      where id = ${held.id} and fence = ${held.fence} returning id
    ), begun as (
      update operation_steps s set status = 'undoing', started_at = clock_timestamp(), ended_at = null,
        attempt = case when s.status = 'undoing' then s.attempt + 1 else 1 end
      from operation o where s.operation_id = o.id and s.ordinal = ${ordinal}
      returning s.attempt
    )
    select begun.attempt, ${told} from operation, begun
  `.execute(db);
  return rows[0]?.attempt;
}

export function writeUndone(db: Db, held: Held, ordinal: number, status: "undone" | "failed"): Written {
  return statusAfter(
    sql`
      with operation as (
        select id, status from operations where id = ${held.id} and fence = ${held.fence} for no key update
      ), undone as (
        update operation_steps s set status = ${status}, ended_at = clock_timestamp()
        from operation o where s.operation_id = o.id and s.ordinal = ${ordinal}
      )
      select status, ${told} from operation`,
    db,
  );
}

/**
 * Undoing failed: it is tried again after `delayMs`, or, without it, an operator has to look. The operation's own error
 * stays what it was turned back for.
 */
export function writeUndoFailed(
  db: Db | Tx,
  held: Held,
  ordinal: number,
  error: RecordedError,
  delayMs: number | undefined,
): Written {
  return statusAfter(
    sql`
      with operation as (
        update operations set
          status = ${delayMs === undefined ? sql`'needs_operator'` : sql`status`},
          wait_until = clock_timestamp() + ${delayMs ?? null}::float8 * interval '1 ms',
          lease_holder = null, lease_until = null
        where id = ${held.id} and fence = ${held.fence} returning id, status
      ), failed as (
        update operation_steps s set error = ${json(error)}
        from operation o where s.operation_id = o.id and s.ordinal = ${ordinal}
      )
      select status, ${told} from operation`,
    db,
  );
}
