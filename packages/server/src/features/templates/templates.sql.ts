import type { TemplateConfiguration } from "@tenantry/contract";
import { type Db, sql, type Tx } from "../../infra/db/index.ts";

/** One revision of a template. */
export type TemplateRow = {
  id: string;
  name: string;
  appId: string;
  appSlug: string;
  newestRevision: number;
  revision: number;
  description: string | null;
  configuration: TemplateConfiguration;
  dataFiles: number;
  dataBytes: number;
  files: number;
  fileBytes: number;
  createdBy: string | null;
  createdAt: Date;
};

const columns = sql`
  t.id, t.name, t.app_id as "appId", a.slug as "appSlug", t.newest_revision as "newestRevision", r.number as revision,
  r.description, r.configuration, r.data_files as "dataFiles", r.data_bytes as "dataBytes", r.files,
  r.file_bytes as "fileBytes", r.created_by as "createdBy", r.created_at as "createdAt"
`;

/** The revision asked for, or the newest. */
export async function selectTemplate(
  db: Db | Tx,
  which: { id: string } | { name: string },
  revision?: number,
): Promise<TemplateRow | undefined> {
  const { rows } = await sql<TemplateRow>`
    select ${columns} from templates t join apps a on a.id = t.app_id
      join template_revisions r on r.template_id = t.id and r.number = coalesce(${revision ?? null}::int, t.newest_revision)
    where ${"id" in which ? sql`t.id = ${which.id}` : sql`t.name = ${which.name}`}
  `.execute(db);
  return rows[0];
}

/** By name. One more than `limit` comes back when there is a next page. */
export async function selectTemplates(
  db: Db,
  filter: { app?: string | undefined; limit: number; after?: string | undefined },
): Promise<TemplateRow[]> {
  const conditions = [sql`true`];
  if (filter.app) conditions.push(sql`a.slug = ${filter.app}`);
  if (filter.after) conditions.push(sql`t.name > ${filter.after}`);
  const { rows } = await sql<TemplateRow>`
    select ${columns} from templates t join apps a on a.id = t.app_id
      join template_revisions r on r.template_id = t.id and r.number = t.newest_revision
    where ${sql.join(conditions, sql` and `)} order by t.name limit ${filter.limit + 1}
  `.execute(db);
  return rows;
}

/** False when another template has the name. */
export async function insertTemplate(
  tx: Tx,
  template: { id: string; name: string; appId: string; newestRevision: number },
): Promise<boolean> {
  const { rows } = await sql`
    insert into templates (id, name, app_id, newest_revision)
    values (${template.id}, ${template.name}, ${template.appId}, ${template.newestRevision})
    on conflict (name) do nothing returning id
  `.execute(tx);
  return rows.length === 1;
}

/** The highest revision that a tenant remembers of a template of this name; 0 when none does. */
export async function selectLastRemembered(tx: Tx, name: string): Promise<number> {
  const { rows } = await sql<{ revision: number }>`
    select coalesce(max(template_revision), 0) as revision from tenants where template_name = ${name}
  `.execute(tx);
  return rows[0]!.revision;
}

/** Locks the row, so that revisions follow each other; answers the number of the next. */
export async function updateNewestRevision(tx: Tx, id: string, appId: string): Promise<number | undefined> {
  const { rows } = await sql<{ number: number }>`
    update templates set newest_revision = newest_revision + 1, app_id = ${appId} where id = ${id}
    returning newest_revision as number
  `.execute(tx);
  return rows[0]?.number;
}

export type NewRevision = Pick<
  TemplateRow,
  "description" | "configuration" | "dataFiles" | "dataBytes" | "files" | "fileBytes" | "createdBy"
> & { templateId: string; number: number };

export async function insertRevision(tx: Tx, revision: NewRevision): Promise<void> {
  await sql`
    insert into template_revisions (template_id, number, description, configuration, data_files, data_bytes, files,
      file_bytes, created_by)
    values (${revision.templateId}, ${revision.number}, ${revision.description},
      ${JSON.stringify(revision.configuration)}::jsonb, ${revision.dataFiles}, ${revision.dataBytes}, ${revision.files},
      ${revision.fileBytes}, ${revision.createdBy})
  `.execute(tx);
}

/** Lets nobody delete the template until the transaction ends; false when somebody has. */
export async function holdTemplate(tx: Tx, id: string): Promise<boolean> {
  const { rows } = await sql`select from templates where id = ${id} for key share`.execute(tx);
  return rows.length === 1;
}

export async function lockTemplate(tx: Tx, id: string): Promise<void> {
  await sql`select from templates where id = ${id} for update`.execute(tx);
}

/** Operations that have still to read a template. */
export async function countOpenUses(tx: Tx, templateId: string): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select count(*) as count from operations
    where ended_at is null and input #>> '{template,id}' = ${templateId}
  `.execute(tx);
  return rows[0]!.count;
}

export async function countTenantsOf(db: Db, name: string): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select count(*) as count from tenants where template_name = ${name} and status <> 'deleted'
  `.execute(db);
  return rows[0]!.count;
}

/** With its revisions and the lists of their files; chunks stay until they are tidied up. */
export async function deleteTemplateRow(tx: Tx, id: string): Promise<void> {
  await sql`delete from templates where id = ${id}`.execute(tx);
}
