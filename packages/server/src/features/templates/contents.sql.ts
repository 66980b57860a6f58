import { type Db, sql, type Tx } from "../../infra/db/index.ts";

/** A file of a template's revision: SQL (`data`), or one for storage, whose name is its key. */
export type TemplateFileRow = {
  kind: "data" | "storage";
  name: string;
  contentType: string | null;
  size: number;
  chunks: string[];
};

export async function insertTemplateFiles(
  tx: Tx,
  revision: { templateId: string; number: number },
  files: readonly TemplateFileRow[],
): Promise<void> {
  const rows = files.map((file, ordinal) => ({ ...file, ordinal }));
  await sql`
    insert into template_files (template_id, revision, kind, ordinal, name, content_type, size, chunks)
    select ${revision.templateId}::uuid, ${revision.number}::int, f.kind, f.ordinal, f.name, f."contentType", f.size,
      array(select jsonb_array_elements_text(f.chunks))
    from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb)
      as f (kind text, ordinal int, name text, "contentType" text, size bigint, chunks jsonb)
  `.execute(tx);
}

/** In the order given; of both kinds, or of one. */
export async function selectTemplateFiles(
  db: Db | Tx,
  revision: { templateId: string; number: number },
  kind?: TemplateFileRow["kind"],
): Promise<TemplateFileRow[]> {
  const { rows } = await sql<TemplateFileRow>`
    select kind, name, content_type as "contentType", size, chunks from template_files
    where template_id = ${revision.templateId} and revision = ${revision.number}
      and (${kind ?? null}::text is null or kind = ${kind ?? null}::text)
    order by kind, ordinal
  `.execute(db);
  return rows;
}

/** Repeatable: what stands under the hash is the same. It is kept for another day in any case. */
export async function upsertChunk(db: Db, sha256: string, data: Buffer): Promise<void> {
  await sql`
    insert into template_chunks (sha256, data) values (${sha256}, ${data})
    on conflict (sha256) do update set used_at = now()
  `.execute(db);
}

/** Those of the chunks that are there, with their lengths; kept for another day, so that nobody tidies them up meanwhile. */
export async function holdChunks(tx: Tx, names: readonly string[]): Promise<Map<string, number>> {
  const { rows } = await sql<{ sha256: string; bytes: number }>`
    with held as (
      select sha256 from template_chunks where sha256 = any (${names}::text[]) order by sha256 for update
    )
    update template_chunks c set used_at = now() from held where c.sha256 = held.sha256
    returning c.sha256, length(c.data) as bytes
  `.execute(tx);
  return new Map(rows.map(({ sha256, bytes }) => [sha256, bytes]));
}

export async function selectChunk(db: Db, sha256: string): Promise<Buffer | undefined> {
  const { rows } = await sql<{ data: Buffer }>`
    select data from template_chunks where sha256 = ${sha256}
  `.execute(db);
  return rows[0]?.data;
}

/** Removes chunks that no revision refers to and nobody has used for a day, at most `limit`. */
export async function deleteUnusedChunks(db: Db, limit: number): Promise<number> {
  const { rows } = await sql`
    delete from template_chunks where used_at < now() - interval '1 day' and sha256 in (
      select c.sha256 from template_chunks c
      where c.used_at < now() - interval '1 day'
        and not exists (select from template_files f where f.chunks @> array[c.sha256])
      limit ${limit}
    ) returning sha256
  `.execute(db);
  return rows.length;
}
