import type { Tenantry } from "@tenantry/sdk";
import { defaultHomeSlug } from "./page.ts";

/** The slug of the page that `/` shows: the setting `app.homeSlug`, or "home". */
export function homeSlugOf({ settings }: Pick<Tenantry, "settings">): string {
  const chosen = settings.get("app.homeSlug");
  return typeof chosen === "string" && chosen !== "" ? chosen : defaultHomeSlug;
}
