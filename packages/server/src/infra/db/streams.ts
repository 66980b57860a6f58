import { sql } from "kysely";
import type { Db, Tx } from "./connection.ts";

/** `routes`: gateways follow it; `runtime`: applications' SDKs; `events`: the outbox. */
export type StreamName = "routes" | "runtime" | "events";

/**
 * Takes the stream's next version, stamps the transaction's changes with it through `apply`, and tells whoever
 * listens. Call it last in the transaction: the stream's row stays locked until commit, which is what makes versions
 * visible in order. Take several streams in alphabetical order, or two transactions may deadlock (and be repeated).
 */
export async function publish(
  tx: Tx,
  stream: StreamName,
  apply: (version: number) => Promise<unknown>,
): Promise<number> {
  // The notification leaves with the commit.
  const { rows } = await sql<{ version: number }>`
    with moved as (update stream_versions set version = version + 1 where stream = ${stream} returning version)
    select version, pg_notify('tenantry_stream', ${stream} || ':' || version) from moved
  `.execute(tx);
  const version = rows[0]!.version;
  await apply(version);
  return version;
}

/** Leaves tombstones at `version`, so that followers of the stream forget `keys`: one application's, or all of them. */
export async function bury(
  tx: Tx,
  stream: StreamName,
  version: number,
  keys: readonly string[],
  appId: string | null = null,
): Promise<void> {
  if (keys.length === 0) return;
  await sql`
    insert into stream_tombstones (stream, version, key, app_id)
    select ${stream}, ${version}, key, ${appId}::uuid from unnest(${keys}::text[]) as key
    on conflict do nothing
  `.execute(tx);
}

/** The newest visible version of a stream. */
export async function streamVersion(db: Db | Tx, stream: StreamName): Promise<number> {
  const { rows } = await sql<{ version: number }>`
    select version from stream_versions where stream = ${stream}
  `.execute(db);
  return rows[0]!.version;
}

/** Up to which version tombstones were forgotten: a follower who has read less must begin anew. */
export async function forgottenVersion(db: Db | Tx, stream: StreamName): Promise<number> {
  const { rows } = await sql<{ version: number }>`
    select forgotten_version as version from stream_versions where stream = ${stream}
  `.execute(db);
  return rows[0]!.version;
}

/** Takes away the oldest tombstones of a stream, at most `limit`, up to the first that is younger than `days`. */
export async function forgetTombstones(
  db: Db,
  stream: StreamName,
  days: number,
  limit: number,
): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    with oldest as (
      select version, key, created_at < now() - ${days} * interval '1 day' as is_old
      from stream_tombstones where stream = ${stream} order by version, key limit ${limit}
    ), forgotten as (
      delete from stream_tombstones t using oldest
      where t.stream = ${stream} and t.version = oldest.version and t.key = oldest.key
        and oldest.version < coalesce((select min(version) from oldest where not is_old), oldest.version + 1)
      returning t.version
    )
    update stream_versions
    set forgotten_version = greatest(forgotten_version, (select max(version) from forgotten))
    where stream = ${stream} and exists (select from forgotten)
    returning (select count(*) from forgotten) as count
  `.execute(db);
  return rows[0]?.count ?? 0;
}
