import type { TenantReply } from "@tenantry/contract";

type Placements = TenantReply["environments"][number]["placements"];

/** What stands where no server is needed. */
const withoutServer: Record<string, string> = { fs: "on disk", memory: "in memory" };

/** At which level and on which server an environment has its database, its files or its cache. */
export function placeOf(placements: Placements, kind: keyof Placements): string {
  const { level, server, driver } = placements[kind] ?? {};
  const where = server ? `on ${server}` : withoutServer[driver as string];
  return [level, where].filter(Boolean).join(" ");
}
