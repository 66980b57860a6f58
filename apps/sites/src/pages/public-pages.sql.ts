import type { Tenantry } from "@tenantry/sdk";

export type PublishedPage = {
  id: string;
  slug: string;
  title: string;
  description: string;
  body: string;
  version: number;
  updatedAt: Date;
};

type Row = { slug: string; title: string } & Omit<PublishedPage, "body"> & { body: string | null };

/** Every published page in order, and the one that is asked for with its text: in one round trip. */
export async function selectPublished(
  db: Tenantry["db"],
  slug: string | undefined,
): Promise<{ links: { slug: string; title: string }[]; page: PublishedPage | undefined }> {
  const { rows } = await db.query<Row>(
    `select id, slug, title, description, version, updated_at as "updatedAt",
       case when slug = $1 then body end as body
     from pages
     where published
     order by position, id`,
    [slug ?? null],
  );
  const found = rows.find((row) => row.body !== null);
  return { links: rows, page: found && { ...found, body: found.body ?? "" } };
}

export type SitemapEntry = { slug: string; updatedAt: Date };

export async function selectSitemap(db: Tenantry["db"]): Promise<SitemapEntry[]> {
  const { rows } = await db.query<SitemapEntry>(
    `select slug, updated_at as "updatedAt" from pages where published order by position, id`,
  );
  return rows;
}
