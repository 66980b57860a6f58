import type { AppMigration, AppSchema, Finding } from "../../../drivers/database/index.ts";
import { type Db, sql, type Tx } from "../../../infra/db/index.ts";

export type DatabaseState = "creating" | "blueprint" | "spare" | "in_use" | "removing";

export type DatabaseRow = {
  id: string;
  serverId: string;
  appId: string;
  level: "shared" | "schema" | "database" | "dedicated" | "sqlite";
  name: string;
  schemaVersion: number;
  state: DatabaseState;
  roleName: string | null;
  roleSecret: Buffer | null;
};

const columns = sql`
  d.id, d.server_id as "serverId", d.app_id as "appId", d.level, d.name, d.schema_version as "schemaVersion", d.state,
  d.role_name as "roleName", d.role_secret as "roleSecret"
`;

export async function selectDatabase(db: Db | Tx, id: string): Promise<DatabaseRow | undefined> {
  const { rows } = await sql<DatabaseRow>`select ${columns} from databases d where d.id = ${id}`.execute(db);
  return rows[0];
}

/**
 * The database in which an environment lives at present, or the one that it is to live in next; undefined where it has
 * none, or one that comes or goes.
 */
export async function selectDatabaseOf(
  db: Db | Tx,
  environmentId: string,
  which: "current" | "building" = "current",
): Promise<DatabaseRow | undefined> {
  const { rows } = await sql<DatabaseRow>`
    select ${columns} from placements p join databases d on d.id = p.database_id
    where p.environment_id = ${environmentId} and p.state = ${which} and p.kind = 'database' and d.state = 'in_use'
  `.execute(db);
  return rows[0];
}

export async function selectDatabaseByName(
  db: Db | Tx,
  serverId: string,
  name: string,
): Promise<DatabaseRow | undefined> {
  const { rows } = await sql<DatabaseRow>`
    select ${columns} from databases d where d.server_id = ${serverId} and d.name = ${name}
  `.execute(db);
  return rows[0];
}

export async function selectDatabasesOn(db: Db | Tx, serverId: string): Promise<DatabaseRow[]> {
  const { rows } = await sql<DatabaseRow>`
    select ${columns} from databases d where d.server_id = ${serverId} order by d.name
  `.execute(db);
  return rows;
}

/** Repeatable: a row of that name is left as it is. */
export async function insertCreating(
  tx: Tx,
  database: Omit<DatabaseRow, "state" | "roleSecret"> & { roleSecret?: Buffer | null },
): Promise<void> {
  await sql`
    insert into databases (id, server_id, app_id, level, name, schema_version, state, role_name, role_secret)
    values (${database.id}, ${database.serverId}, ${database.appId}, ${database.level}, ${database.name},
      ${database.schemaVersion}, 'creating', ${database.roleName}, ${database.roleSecret ?? null})
    on conflict (server_id, name) do nothing
  `.execute(tx);
}

/** False when it was removed, or is being removed, by whoever had use for it before. */
export async function updateBlueprintReady(tx: Tx, id: string): Promise<boolean> {
  const { rows } = await sql`
    update databases set state = 'blueprint' where id = ${id} and state in ('creating', 'blueprint') returning id
  `.execute(tx);
  return rows.length === 1;
}

export async function updateBuilt(
  tx: Tx,
  database: { id: string; state: "spare" | "in_use"; roleSecret: Buffer | null },
): Promise<void> {
  await sql`
    update databases set state = ${database.state}, role_secret = ${database.roleSecret}
    where id = ${database.id} and state = 'creating'
  `.execute(tx);
}

/** Undefined when it isn't there or in another state. */
export async function updateRemoving(
  tx: Tx,
  id: string,
  from: readonly DatabaseState[],
): Promise<DatabaseRow | undefined> {
  const { rows } = await sql<DatabaseRow>`
    update databases d set state = 'removing'
    where d.id = ${id} and d.state in ('removing', ${sql.join(from)}) returning ${columns}
  `.execute(tx);
  return rows[0];
}

/** Upwards only: whoever migrates one to a newer one at the same time may have been faster. */
export async function updateSchemaVersion(
  tx: Tx,
  ids: readonly string[],
  schemaVersion: number,
): Promise<void> {
  await sql`
    with migrated as (
      update databases set schema_version = ${schemaVersion}
      where id = any (${ids}::uuid[]) and schema_version < ${schemaVersion}
      returning id
    )
    update placements p set schema_version = ${schemaVersion} from migrated where p.database_id = migrated.id
  `.execute(tx);
}

export async function deleteDatabase(tx: Tx, id: string): Promise<void> {
  await sql`delete from databases where id = ${id}`.execute(tx);
}

/** Forgets a database that was never finished, or that is on its way out. */
export async function deleteUnfinished(db: Db | Tx, serverId: string, name: string): Promise<void> {
  await sql`
    delete from databases d where d.server_id = ${serverId} and d.name = ${name}
      and d.state in ('creating', 'removing')
      and not exists (select from placements p where p.database_id = d.id)
  `.execute(db);
}

/** What was meant to be made where nobody answered: nothing was begun there. */
export async function deleteUnbegun(tx: Tx, serverId: string, name: string): Promise<void> {
  await sql`
    delete from databases d where d.server_id = ${serverId} and d.name = ${name} and d.state = 'creating'
      and not exists (select from placements p where p.database_id = d.id)
      and not exists (select from resources r where r.server_id = d.server_id and r.physical_name = d.name)
  `.execute(tx);
}

/**
 * The blueprint's database is gone from the server: the next who needs it builds it again. One of that name which was
 * built since then has another id, and stays.
 */
export async function deleteBlueprint(tx: Tx, id: string): Promise<void> {
  await sql`
    with gone as (
      delete from databases where id = ${id} and state = 'blueprint' returning server_id, name
    )
    delete from resources r using gone
    where r.kind = 'database' and r.server_id = gone.server_id and r.physical_name = gone.name
  `.execute(tx);
}

/** Marks the blueprints of schema versions that the app has never come to, for removal, and answers them. */
export async function markUnreleasedBlueprints(tx: Tx, appId: string): Promise<string[]> {
  const { rows } = await sql<{ id: string }>`
    update databases d set state = 'removing' from apps a
    where d.app_id = ${appId} and a.id = d.app_id and d.state = 'blueprint' and d.schema_version > a.schema_version
    returning d.id
  `.execute(tx);
  return rows.map((row) => row.id);
}

/**
 * Takes a spare off the shelf for an environment that has no place yet, oldest first, and places it there; spares that
 * others are taking at this moment are passed over. All in one journey, since somebody waits for it. What belongs to it is
 * the environment's from now on: of a schema its owner, too, who is called by the same id. Each thing is named by the whole
 * of its key: whatever the statistics say, the planner then looks up the few, and doesn't read through all there are.
 */
export async function claimSpare(
  tx: Tx,
  wanted: {
    appId: string;
    level: string;
    schemaVersion: number;
    environmentId: string;
    region?: string | undefined;
    serverId?: string | undefined;
  },
  placement: { id: string; state: "current" | "building" },
): Promise<DatabaseRow | undefined> {
  const region = wanted.region ?? null;
  const places = sql`from placements where environment_id = ${wanted.environmentId} and kind = 'database'`;
  // As `knownPlacement` has it.
  const known = placement.state === "building" ? sql`state = 'building'` : sql`state <> 'retired'`;
  const { rows } = await sql<DatabaseRow>`
    with chosen as (
      select d.id from databases d join database_servers s on s.id = d.server_id
      where d.state = 'spare' and d.app_id = ${wanted.appId} and d.level = ${wanted.level}
        and d.schema_version = ${wanted.schemaVersion}
        and s.state = 'ready' and (${region}::text is null or s.region = ${region})
        and (${wanted.serverId ?? null}::uuid is null or s.id = ${wanted.serverId ?? null}::uuid)
        and not exists (
          select from environments e join database_servers own on own.tenant_id = e.tenant_id
          where e.id = ${wanted.environmentId} and own.state in ('ready', 'unavailable')
        )
        and not exists (select ${places} and ${known})
      order by d.id limit 1
      for update of d skip locked
    ), claimed as (
      update databases d set state = 'in_use' from chosen where d.id = chosen.id returning ${columns}
    ), placed as (
      insert into placements (id, environment_id, kind, driver, state, generation, database_id, physical_name, schema_version)
      select ${placement.id}::uuid, ${wanted.environmentId}::uuid, 'database', level, ${placement.state},
        (select coalesce(max(generation), 0) + 1 ${places}), id, name, "schemaVersion"
      from claimed
    ), belongings as (
      select thing.kind, thing.name, case level when 'schema' then 'schema' else 'database' end as driver, "serverId"
      from claimed cross join lateral (values ('database', name), ('role', "roleName"),
        ('role', case level when 'schema' then 'tno_' || right(name, 26) end)) as thing (kind, name)
    ), owned as (
      update resources r set environment_id = ${wanted.environmentId} from belongings b
      where r.kind = b.kind and r.driver = b.driver and coalesce(r.server_id::text, '') = b."serverId"::text
        and r.physical_name = b.name
    ), housed as (
      update resources r set environment_id = ${wanted.environmentId} from claimed
      where claimed.level = 'dedicated' and r.kind = 'server' and r.driver = 'embedded'
        and coalesce(r.server_id::text, '') = claimed."serverId"::text
    )
    select * from claimed
  `.execute(tx);
  return rows[0];
}

/** What the levels don't hold of an app's schema; undefined where nobody has looked. */
export async function selectFindings(
  db: Db | Tx,
  appId: string,
  schemaVersion: number,
): Promise<Finding[] | undefined> {
  const { rows } = await sql<{ findings: Finding[] }>`
    select findings from app_migrations
    where app_id = ${appId} and ordinal = ${schemaVersion} and findings is not null
  `.execute(db);
  return rows[0]?.findings;
}

export async function updateFindings(
  tx: Tx,
  { appId, migrations }: AppSchema,
  findings: readonly Finding[],
): Promise<void> {
  const last = migrations.at(-1);
  await sql`
    update app_migrations set findings = ${JSON.stringify(findings)}
    where app_id = ${appId} and ordinal = ${last?.ordinal ?? 0} and checksum = ${last?.checksum ?? ""}
  `.execute(tx);
}

/** The app's migrations up to a version, in order. */
export async function selectMigrations(
  db: Db | Tx,
  appId: string,
  schemaVersion: number,
): Promise<AppMigration[]> {
  const { rows } = await sql<AppMigration>`
    select ordinal, name, sql, checksum from app_migrations
    where app_id = ${appId} and ordinal <= ${schemaVersion} order by ordinal
  `.execute(db);
  return rows;
}
