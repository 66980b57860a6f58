import type { Database } from "@tenantry/sdk";
import type { PageLink } from "./page.ts";

export type PublishedPage = {
  id: string;
  slug: string;
  title: string;
  description: string;
  body: string;
  version: number;
};

/** Nobody reads a longer navigation; the others are found by links and by the sitemap. */
const mostLinks = 40;
/** As many as a sitemap may hold. */
const mostSitemapEntries = 50_000;

type Row = PublishedPage & { linked: boolean };

/** The navigation, in its order, and the published page with this slug: in one round trip. */
export async function selectPublished(
  db: Database,
  slug: string | undefined,
): Promise<{ links: PageLink[]; page: PublishedPage | undefined }> {
  const { rows } = await db.query<Row>(
    `select * from (
       select id, slug, title, '' as description, '' as body, version, position, true as linked
       from pages where published order by position, id limit $2
     ) as links
     union all
     select id, slug, title, description, body, version, position, false as linked
     from pages where published and slug = $1
     order by linked, position, id`,
    [slug ?? null, mostLinks],
  );
  return { links: rows.filter((row) => row.linked), page: rows.find((row) => !row.linked) };
}

export type SitemapEntry = { slug: string; updatedAt: Date };

export async function selectSitemap(db: Database): Promise<SitemapEntry[]> {
  const { rows } = await db.query<SitemapEntry>(
    `select slug, updated_at as "updatedAt" from pages where published order by position, id limit $1`,
    [mostSitemapEntries],
  );
  return rows;
}
