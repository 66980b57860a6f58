import path from "node:path";
import type { Config } from "../infra/config/index.ts";
import { ensureDatabase, migrate, registryMigrations } from "../infra/db/index.ts";
import type { Log } from "../infra/log/index.ts";
import { startEmbeddedPostgres } from "../infra/postgres-process/index.ts";

export type Registry = {
  /** Of the registry's database. */
  url: string;
  /** The PostgreSQL server it stands on, which holds tenants' databases too. */
  server: { name: string; kind: "embedded" | "external"; url: string; ownDatabases: string[] };
  description: string;
  stop(): Promise<void>;
};

const embeddedName = "tenantry";

/** Brings up the registry, on the embedded PostgreSQL or the one that DATABASE_URL names, and migrates its schema. */
export async function openRegistry(config: Config, log: Log): Promise<Registry> {
  const registry = config.databaseUrl ? given(config.databaseUrl) : await embedded(config.dataDir, log);
  try {
    await migrate(registry.url, await registryMigrations());
    return registry;
  } catch (error) {
    await registry.stop();
    throw error;
  }
}

function given(url: string): Registry {
  const { host, pathname } = new URL(url);
  const ownDatabases = [decodeURIComponent(pathname.slice(1))];
  return {
    url,
    server: { name: "main", kind: "external", url, ownDatabases },
    description: `PostgreSQL at ${host}`,
    stop: async () => undefined,
  };
}

async function embedded(dataDir: string, log: Log): Promise<Registry> {
  const postgres = await startEmbeddedPostgres({ dataDir: path.join(dataDir, "postgres"), log });
  const url = new URL(postgres.url);
  url.pathname = `/${embeddedName}`;
  await ensureDatabase(postgres.url, embeddedName);
  return {
    url: url.href,
    server: { name: "embedded", kind: "embedded", url: postgres.url, ownDatabases: [embeddedName] },
    description: `PostgreSQL ${postgres.version}, embedded, on port ${postgres.port}`,
    stop: () => postgres.stop(),
  };
}
