import { type Db, sql, type Tx } from "../../infra/db/index.ts";

export type ReleaseRow = {
  id: string;
  appId: string;
  number: number;
  upstreamUrl: string | null;
  command: string | null;
  workingDirectory: string | null;
  /** As they were kept before they were sealed; empty since. */
  plainVariables: Record<string, string>;
  variablesSecret: Buffer | null;
  healthPath: string;
  schemaVersion: number;
  createdAt: Date;
};

const columns = sql`
  id, app_id as "appId", number, upstream_url as "upstreamUrl", command, working_directory as "workingDirectory",
  variables as "plainVariables", variables_secret as "variablesSecret", health_path as "healthPath", schema_version as "schemaVersion", created_at as "createdAt"
`;

export async function insertRelease(
  tx: Tx,
  release: Omit<ReleaseRow, "number" | "createdAt">,
): Promise<number> {
  const { rows } = await sql<{ number: number }>`
    insert into releases (id, app_id, number, upstream_url, command, working_directory, variables, variables_secret,
      health_path, schema_version)
    select ${release.id}, ${release.appId}, coalesce(max(number), 0) + 1, ${release.upstreamUrl}, ${release.command},
      ${release.workingDirectory}, ${JSON.stringify(release.plainVariables)}::jsonb, ${release.variablesSecret}::bytea,
      ${release.healthPath}, ${release.schemaVersion}::int
    from releases where app_id = ${release.appId}
    returning number
  `.execute(tx);
  return rows[0]!.number;
}

/** Whether no release of the app has come after this one. */
export async function isNewestRelease(db: Db | Tx, id: string): Promise<boolean> {
  const { rows } = await sql`
    select from releases own join releases newer on newer.app_id = own.app_id and newer.number > own.number
    where own.id = ${id}
  `.execute(db);
  return rows.length === 0;
}

export async function selectRelease(db: Db | Tx, id: string): Promise<ReleaseRow | undefined> {
  const { rows } = await sql<ReleaseRow>`select ${columns} from releases where id = ${id}`.execute(db);
  return rows[0];
}

/** The releases with variables that aren't sealed, held until the transaction ends. */
export async function lockPlainReleases(tx: Tx): Promise<Pick<ReleaseRow, "id" | "plainVariables">[]> {
  const { rows } = await sql<Pick<ReleaseRow, "id" | "plainVariables">>`
    select id, variables as "plainVariables" from releases
    where variables_secret is null and variables <> '{}' order by id for update
  `.execute(tx);
  return rows;
}

export async function updateVariables(
  tx: Tx,
  id: string,
  stored: Pick<ReleaseRow, "plainVariables" | "variablesSecret">,
): Promise<void> {
  await sql`
    update releases set variables = ${JSON.stringify(stored.plainVariables)}::jsonb,
      variables_secret = ${stored.variablesSecret}
    where id = ${id}
  `.execute(tx);
}
