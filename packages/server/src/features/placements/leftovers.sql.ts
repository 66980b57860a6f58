import { type Db, sql } from "../../infra/db/index.ts";

/** Names on a server that an operation is making, has made or removes. */
export async function selectDeclared(db: Db, serverId: string): Promise<{ kind: string; name: string }[]> {
  const { rows } = await sql<{ kind: string; name: string }>`
    select kind, physical_name as name from resources where server_id = ${serverId}
  `.execute(db);
  return rows;
}

/** Names that placements of a kind give; `settled` when the thing should stand. */
export async function selectPlacedNames(
  db: Db,
  kind: "storage" | "cache",
): Promise<{ name: string; settled: boolean }[]> {
  const { rows } = await sql<{ name: string; settled: boolean }>`
    select physical_name as name, state = 'current' as settled from placements
    where kind = ${kind} and physical_name is not null
  `.execute(db);
  return rows;
}
