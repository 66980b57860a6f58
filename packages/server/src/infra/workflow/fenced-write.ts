import type { OperationStatus } from "@tenantry/contract";
import { type Db, sql, type Tx } from "../db/index.ts";

/**
 * What a write of whoever holds an operation answers: the operation's status after it, or undefined when the operation
 * is held no more and nothing was written.
 */
export type Written = Promise<OperationStatus | undefined>;

/** For the last SELECT of such a write, from a relation with the operation's `id`: watchers hear of it at commit. */
export const told = sql`pg_notify('tenantry_operation', id::text)`;

/**
 * For the last SELECT of a write that nothing outside the registry depends on: its commit doesn't wait for the disk.
 * The log is written in order, so whatever is committed durably after it takes it along; if the server crashes before
 * that, it never happened.
 */
export const lazily = sql`set_config('synchronous_commit', 'off', true)`;

export async function statusAfter(write: ReturnType<typeof sql>, db: Db | Tx): Written {
  const { rows } = await write.execute(db);
  return (rows[0] as { status: OperationStatus } | undefined)?.status;
}

export const json = (value: unknown) => sql`${JSON.stringify(value ?? null)}::jsonb`;
