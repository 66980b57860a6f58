import type { Database, Transaction } from "@tenantry/sdk";
import type { MediaFile } from "./media.ts";

type Queries = Pick<Database, "query"> | Pick<Transaction, "query">;
type Row = Omit<MediaFile, "size"> & { size: string };

const columns = `id, name, content_type as "contentType", size, created_at as "createdAt", created_by as "createdBy"`;

export async function selectMediaFile(db: Queries, id: string): Promise<MediaFile | undefined> {
  const { rows } = await db.query<Row>(`select ${columns} from media where id = $1 and stored`, [id]);
  return rows[0] && fileOf(rows[0]);
}

/** The newest first. */
export async function selectMedia(
  db: Queries,
  window: { limit: number; offset: number },
): Promise<MediaFile[]> {
  const { rows } = await db.query<Row>(
    `select ${columns} from media where stored order by created_at desc, id limit $1 offset $2`,
    [window.limit, window.offset],
  );
  return rows.map(fileOf);
}

/** What files and reservations take, in bytes. */
export async function selectMediaUsage(db: Queries): Promise<{ bytes: number; files: number }> {
  const { rows } = await db.query<{ bytes: string; files: string }>(
    `select coalesce(sum(size), 0) as bytes, count(case when stored then 1 end) as files from media`,
  );
  return { bytes: Number(rows[0]!.bytes), files: Number(rows[0]!.files) };
}

/** Keeps room for a file that is about to come. */
export async function insertReservation(
  db: Queries,
  file: Pick<MediaFile, "id" | "name" | "contentType" | "size" | "createdBy">,
): Promise<void> {
  await db.query(`insert into media (id, name, content_type, size, created_by) values ($1, $2, $3, $4, $5)`, [
    file.id,
    file.name,
    file.contentType,
    file.size,
    file.createdBy,
  ]);
}

/** The file is there, and has this size. */
export async function markStored(db: Queries, id: string, size: number): Promise<void> {
  await db.query(`update media set stored = true, size = $2 where id = $1`, [id, size]);
}

export async function deleteMediaRow(db: Queries, id: string): Promise<void> {
  await db.query(`delete from media where id = $1`, [id]);
}

/** Reservations whose upload must have ended long ago without a trace. */
export async function selectAbandoned(db: Queries, before: Date): Promise<string[]> {
  const { rows } = await db.query<{ id: string }>(
    `select id from media where not stored and created_at < $1 limit 100`,
    [before],
  );
  return rows.map(({ id }) => id);
}

function fileOf(row: Row): MediaFile {
  return { ...row, size: Number(row.size) };
}
