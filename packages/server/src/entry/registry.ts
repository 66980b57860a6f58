import path from "node:path";
import { connectAdvice } from "../drivers/database/index.ts";
import type { Config } from "../infra/config/index.ts";
import { ensureDatabase, migrate, registryMigrations } from "../infra/db/index.ts";
import type { Log } from "../infra/log/index.ts";
import {
  createPostgresFleet,
  keepEmbeddedPostgres,
  type PostgresFleet,
} from "../infra/postgres-process/index.ts";

export type Registry = {
  /** Of the registry's database. */
  url: string;
  /** The PostgreSQL server it stands on, which holds tenants' databases too. */
  server: { name: string; kind: "embedded" | "external"; url: string; ownDatabases: string[] };
  /** Starts more servers beside it; none where the operator gives the servers. */
  fleet?: PostgresFleet;
  description: string;
  stop(): Promise<void>;
};

const embeddedName = "tenantry";

/** Brings up the registry, on the embedded PostgreSQL or the one that DATABASE_URL names, and migrates its schema. */
export async function openRegistry(config: Config, log: Log, signal?: AbortSignal): Promise<Registry> {
  const registry = config.databaseUrl
    ? given(config.databaseUrl)
    : await embedded(config.dataDir, log, signal);
  try {
    await migrate(registry.url, await registryMigrations());
    return registry;
  } catch (error) {
    await registry.stop();
    throw config.databaseUrl ? withAdvice(error) : error;
  }
}

/** The same failure, in words for whoever set DATABASE_URL. */
function withAdvice(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const code = (error as NodeJS.ErrnoException).code;
  const [problem, advice] =
    code === "42501"
      ? [
          "The login of DATABASE_URL may not do what the registry takes",
          "`tenantry doctor` says what it lacks.",
        ]
      : ["The PostgreSQL that DATABASE_URL names can't be connected to", connectAdvice(error)];
  if (!advice) return error;
  return Object.assign(new Error(`${problem}: ${error.message}. ${advice}`, { cause: error }), { code });
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

/** The registry's own database on the embedded server. */
export function embeddedDatabase(serverUrl: string): string {
  const url = new URL(serverUrl);
  url.pathname = `/${embeddedName}`;
  return url.href;
}

async function embedded(dataDir: string, log: Log, signal?: AbortSignal): Promise<Registry> {
  const postgres = await keepEmbeddedPostgres({ dataDir: path.join(dataDir, "postgres"), log, signal });
  const { port, version } = postgres;
  const fleet = createPostgresFleet({ directory: fleetDirectory(dataDir), log });
  await ensureDatabase(postgres.url, embeddedName);
  return {
    url: embeddedDatabase(postgres.url),
    server: { name: "embedded", kind: "embedded", url: postgres.url, ownDatabases: [embeddedName] },
    fleet,
    description: `PostgreSQL ${version}, embedded, on port ${port}`,
    async stop() {
      await fleet.stop();
      await postgres.stop();
    },
  };
}

/** Where the servers lie that one environment each has to itself. */
export const fleetDirectory = (dataDir: string): string => path.join(dataDir, "servers");
