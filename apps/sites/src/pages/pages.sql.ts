import type { Database, Transaction } from "@tenantry/sdk";
import type { Page, PageText } from "./page.ts";

type Queries = Pick<Database, "query"> | Pick<Transaction, "query">;

const columns = `id, slug, title, description, body, published, version,
  updated_at as "updatedAt", updated_by as "updatedBy"`;

export type PageRow = Omit<Page, "body" | "description">;

export async function selectPages(
  db: Queries,
  window: { limit: number; offset: number },
): Promise<PageRow[]> {
  const { rows } = await db.query<PageRow>(
    `select id, slug, title, published, version, updated_at as "updatedAt", updated_by as "updatedBy"
     from pages order by position, id limit $1 offset $2`,
    [window.limit, window.offset],
  );
  return rows;
}

export async function countPages(db: Queries): Promise<number> {
  const { rows } = await db.query<{ count: string }>(`select count(*) as count from pages`);
  return Number(rows[0]!.count);
}

export async function selectPage(db: Queries, id: string): Promise<Page | undefined> {
  const { rows } = await db.query<Page>(`select ${columns} from pages where id = $1`, [id]);
  return rows[0];
}

export async function hasSlug(db: Queries, slug: string): Promise<boolean> {
  const { rows } = await db.query(`select id from pages where slug = $1`, [slug]);
  return rows.length > 0;
}

/** Adds a page at the end. Throws 23505 when another has the slug. */
export async function insertPage(
  tx: Queries,
  page: PageText & { id: string; published: boolean; updatedBy: string },
): Promise<void> {
  await tx.query(
    `insert into pages (id, slug, title, description, body, published, updated_by, position)
     values ($1, $2, $3, $4, $5, $6, $7, (select coalesce(max(position), 0) + 1 from pages))`,
    [page.id, page.slug, page.title, page.description, page.body, page.published, page.updatedBy],
  );
}

/**
 * Whether the page still was in the version that the change is based on; `published` null leaves that as it is. Throws 23505 when
 * another has the slug.
 */
export async function updatePage(
  db: Queries,
  page: PageText & { id: string; version: number; published: boolean | null; updatedBy: string },
): Promise<boolean> {
  const { rowCount } = await db.query(
    `update pages set slug = $3, title = $4, description = $5, body = $6, published = coalesce($7, published), updated_by = $8,
       updated_at = current_timestamp, version = version + 1
     where id = $1 and version = $2`,
    [
      page.id,
      page.version,
      page.slug,
      page.title,
      page.description,
      page.body,
      page.published,
      page.updatedBy,
    ],
  );
  return rowCount > 0;
}

/** Whether the page still was in this version, and is gone now. */
export async function deletePage(db: Queries, id: string, version: number): Promise<boolean> {
  const { rowCount } = await db.query(`delete from pages where id = $1 and version = $2`, [id, version]);
  return rowCount > 0;
}

/** Gives every page a position of its own: 1, 2, 3 … in the order they have. */
export async function renumberPages(tx: Queries): Promise<void> {
  await tx.query(
    `update pages set position = (
       select ranked.place from (select id, row_number() over (order by position, id) as place from pages) as ranked
       where ranked.id = pages.id
     )`,
  );
}

/** Lets the page and its neighbour above (-1) or below (1) change places. */
export async function swapWithNeighbour(tx: Queries, id: string, step: -1 | 1): Promise<void> {
  await tx.query(
    `update pages set position = case when id = $1 then position + $2 else position - $2 end
     where id = $1 or position = (select position + $2 from pages where id = $1)`,
    [id, step],
  );
}
