/** What an editor writes of a page. */
export type PageText = {
  slug: string;
  title: string;
  /** For search engines and the page's head; may be empty. */
  description: string;
  /** Markdown. */
  body: string;
};

/** A page as its editors know it. */
export type Page = PageText & {
  id: string;
  published: boolean;
  version: number;
  updatedAt: Date;
  updatedBy: string;
};

/** What the navigation needs of a page. */
export type PageLink = { slug: string; title: string };

/** The slug of the page that `/` shows, when no setting names another. */
export const defaultHomeSlug = "home";

/** Where a page is read. */
export function pathOfPage(slug: string, homeSlug: string): string {
  return slug === homeSlug ? "/" : `/${encodeURIComponent(slug)}`;
}
