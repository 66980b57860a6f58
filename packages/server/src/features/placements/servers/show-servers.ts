import { fileURLToPath } from "node:url";
import type { ServerReply } from "@tenantry/contract";
import { protectionOf } from "../../../drivers/database/index.ts";
import type { Db } from "../../../infra/db/index.ts";
import type { Secrets } from "../../../infra/secrets/index.ts";
import { showId } from "../../../kernel/index.ts";
import { countDatabases, type ServerRow } from "./servers.sql.ts";
import { openServer } from "./servers.ts";

/** Servers as the API shows them: where, never with which password. */
export async function showServers(
  db: Db,
  secrets: Secrets,
  rows: readonly ServerRow[],
): Promise<ServerReply[]> {
  const used = await countDatabases(
    db,
    rows.map((row) => row.id),
  );
  return rows.map((row) => ({
    id: showId("srv", row.id),
    name: row.name,
    kind: row.kind,
    host: row.urlSecret && hostOf(openServer(secrets, row).url),
    pooler: row.urlSecret && poolerOf(openServer(secrets, row)),
    version: `${Math.floor(row.versionNumber / 10_000)}.${row.versionNumber % 10_000}`,
    region: row.region,
    capacity: row.capacity,
    databases: used.get(row.id) ?? 0,
    maxBackends: row.maxBackends,
    protection:
      row.kind === "directory" ? "local" : row.urlSecret && protectionOf(openServer(secrets, row).url),
    statementTimeoutMs: row.statementTimeoutMs,
    dedicated: row.dedicated,
    tenant: row.tenantSlug,
    state: row.state,
    createdAt: row.createdAt.toISOString(),
  }));
}

function poolerOf({ poolerUrl }: { poolerUrl?: string | undefined }): string | null {
  return poolerUrl === undefined ? null : new URL(poolerUrl).host;
}

function hostOf(url: string): string {
  const parsed = new URL(url);
  if (parsed.protocol === "file:") return fileURLToPath(parsed);
  return parsed.host || (parsed.searchParams.get("host") ?? "");
}
