import { type Db, sql, type Tx } from "../../infra/db/index.ts";

export type PlacementKind = "database" | "storage" | "cache" | "compute";

export type PlacementRow = {
  id: string;
  environmentId: string;
  kind: PlacementKind;
  driver: string;
  state: "building" | "current" | "retired";
  generation: number;
  databaseId: string | null;
  /** Where files or a cache stand, when a server was chosen for them; a database's server is told by its row. */
  serverId: string | null;
  physicalName: string | null;
  schemaVersion: number | null;
  detail: Record<string, unknown>;
  /** Whether its application is to be let in there, as far as its tenant's state goes. */
  admitted: boolean;
};

const columns = sql`
  p.id, p.environment_id as "environmentId", p.kind, p.driver, p.state, p.generation, p.database_id as "databaseId",
  p.server_id as "serverId", p.physical_name as "physicalName", p.schema_version as "schemaVersion", p.detail, p.admitted
`;

/** All generations of an environment's placements, of one kind when it is given. */
export async function selectPlacements(
  db: Db | Tx,
  environmentId: string,
  kind?: PlacementKind,
): Promise<PlacementRow[]> {
  const { rows } = await sql<PlacementRow>`
    select ${columns} from placements p
    where p.environment_id = ${environmentId} and ${kind ? sql`p.kind = ${kind}` : sql`true`}
    order by p.kind, p.generation desc
  `.execute(db);
  return rows;
}

/** The place that an interrupted attempt has begun to give an environment; with `next`, beside the one that it has. */
export async function knownPlacement(
  tx: Tx,
  kind: PlacementKind,
  wanted: { environmentId: string; next?: boolean | undefined },
): Promise<PlacementRow | undefined> {
  const all = await selectPlacements(tx, wanted.environmentId, kind);
  return all.find(({ state }) => (wanted.next ? state === "building" : state !== "retired"));
}

export async function insertPlacement(
  tx: Tx,
  placement: Omit<PlacementRow, "detail" | "generation" | "serverId" | "admitted"> &
    Partial<Pick<PlacementRow, "detail" | "serverId">>,
): Promise<void> {
  await sql`
    insert into placements (id, environment_id, kind, driver, state, generation, database_id, server_id,
      physical_name, schema_version, detail)
    select ${placement.id}::uuid, ${placement.environmentId}::uuid, ${placement.kind}, ${placement.driver},
      ${placement.state}, coalesce(max(generation), 0) + 1, ${placement.databaseId}::uuid,
      ${placement.serverId ?? null}::uuid, ${placement.physicalName},
      ${placement.schemaVersion}::int, ${JSON.stringify(placement.detail ?? {})}::jsonb
    from placements where environment_id = ${placement.environmentId} and kind = ${placement.kind}
  `.execute(tx);
}

export async function updatePlacementCurrent(tx: Tx, id: string): Promise<void> {
  await sql`update placements set state = 'current' where id = ${id}`.execute(tx);
}

/** The environment lives at its next places from the commit on, of each kind that has one, and not at those before. */
export async function flipPlacements(tx: Tx, environmentId: string): Promise<void> {
  const { rows } = await sql<{ kind: PlacementKind }>`
    update placements p set state = 'retired'
    where p.environment_id = ${environmentId} and p.state = 'current' and exists (select from placements n
      where n.environment_id = p.environment_id and n.kind = p.kind and n.state = 'building')
    returning p.kind
  `.execute(tx);
  const kinds = rows.map(({ kind }) => kind);
  await sql`
    update placements set state = 'current'
    where environment_id = ${environmentId} and kind = any (${kinds}::text[]) and state = 'building'
  `.execute(tx);
}

/** The same place, which from now on counts as one of another level. */
export async function updatePlacementDetail(
  tx: Tx,
  id: string,
  detail: Record<string, unknown>,
): Promise<void> {
  await sql`update placements set detail = ${JSON.stringify(detail)}::jsonb where id = ${id}`.execute(tx);
}

export async function updatePlacementRetired(tx: Tx, id: string): Promise<void> {
  await sql`update placements set state = 'retired' where id = ${id}`.execute(tx);
}

export async function deletePlacement(tx: Tx, id: string): Promise<void> {
  await sql`delete from placements where id = ${id}`.execute(tx);
}

export type CurrentPlacementRow = PlacementRow & {
  level: string | null;
  databaseName: string | null;
  roleName: string | null;
  roleSecret: Buffer | null;
  serverName: string | null;
  serverUrlSecret: Buffer | null;
  /** Its database lets rows out to other environments, and must not be used. */
  unsealed: boolean;
  statementTimeoutMs: number | null;
  /** It is being carried elsewhere. */
  moving: boolean;
};

/** Where environments live now, with what it takes to connect. */
export async function selectCurrentPlacements(
  db: Db | Tx,
  environmentIds: readonly string[],
): Promise<CurrentPlacementRow[]> {
  const { rows } = await sql<CurrentPlacementRow>`
    select ${columns}, d.level, d.name as "databaseName", d.role_name as "roleName", d.role_secret as "roleSecret",
      coalesce(s.id, p.server_id) as "serverId", s.name as "serverName", s.url_secret as "serverUrlSecret",
      coalesce(d.seal_problems is not null, false) as unsealed,
      s.statement_timeout_ms as "statementTimeoutMs",
      (select e.moving from environments e where e.id = p.environment_id) as moving
    from placements p left join databases d on d.id = p.database_id left join database_servers s on s.id = d.server_id
    where p.environment_id = any (${environmentIds}::uuid[]) and p.state = 'current'
    order by p.environment_id, p.kind
  `.execute(db);
  return rows;
}

/** A page of the environments that have a database now, by their ids. */
export async function selectPlacedDatabases(
  db: Db,
  after: string | undefined,
  limit: number,
): Promise<{ environmentId: string; serverId: string }[]> {
  const { rows } = await sql<{ environmentId: string; serverId: string }>`
    select p.environment_id as "environmentId", d.server_id as "serverId"
    from placements p join databases d on d.id = p.database_id
    where p.kind = 'database' and p.state = 'current' and d.state = 'in_use'
      and (${after ?? null}::uuid is null or p.environment_id > ${after ?? null}::uuid)
    order by p.environment_id limit ${limit}
  `.execute(db);
  return rows;
}

/** The database servers that hold anything of a tenant and don't stand in a region, by name. */
export async function selectServersOutside(tx: Tx, tenantId: string, region: string): Promise<string[]> {
  const { rows } = await sql<{ name: string }>`
    select distinct s.name from environments e join placements p on p.environment_id = e.id
    join databases d on d.id = p.database_id join database_servers s on s.id = d.server_id
    where e.tenant_id = ${tenantId} and s.region is distinct from ${region} order by s.name
  `.execute(tx);
  return rows.map((row) => row.name);
}
