import { checkServer, type DatabaseServer, protectDatabases } from "../../../drivers/database/index.ts";
import { type Db, inTransaction, type Tx } from "../../../infra/db/index.ts";
import type { Secrets } from "../../../infra/secrets/index.ts";
import { failure, newId, parseId } from "../../../kernel/index.ts";
import {
  insertServer,
  type ServerRow,
  selectServer,
  selectServerByName,
  updateOwnServer,
} from "./servers.sql.ts";

const secretContext = (serverId: string) => `database_server:${serverId}`;

/** How a server is reached: its URL, and in a second line the pooler's where applications go through one. */
export function sealServerUrl(secrets: Secrets, serverId: string, url: string, poolerUrl?: string): Buffer {
  return secrets.seal(poolerUrl === undefined ? url : `${url}\n${poolerUrl}`, secretContext(serverId));
}

/** The server as drivers take it, its URL opened. */
export function openServer(secrets: Secrets, row: Pick<ServerRow, "id" | "urlSecret">): DatabaseServer {
  if (!row.urlSecret) throw failure("server_unreachable", { detail: "The server hasn't come up yet." });
  const [url, poolerUrl] = secrets.open(row.urlSecret, secretContext(row.id)).toString("utf8").split("\n");
  return { id: row.id, url: url!, ...(poolerUrl !== undefined && { poolerUrl }) };
}

/** The server that an id names, opened. */
export async function requireServer(db: Db | Tx, secrets: Secrets, id: string): Promise<DatabaseServer> {
  const row = await selectServer(db, id);
  if (!row) throw failure("server_not_found");
  return openServer(secrets, row);
}

/**
 * Registers the server that this installation brings along, or that it shares with its registry: `embedded` is all
 * ours, so nobody but its owner may connect to any of its databases from now on; of an external one only the
 * databases in `ownDatabases` are closed. Called at each start, since the URL may have changed.
 */
export async function registerOwnServer(
  db: Db,
  secrets: Secrets,
  server: { name: string; kind: "embedded" | "external"; url: string; ownDatabases?: readonly string[] },
): Promise<string> {
  const check = await checkServer(server.url);
  if (!check.usable) throw unusable(check.missing);
  await protectDatabases(server, server.kind === "embedded" ? "all" : (server.ownDatabases ?? []));
  return inTransaction(db, async (tx) => {
    const { versionNumber } = check;
    const maxBackends = backendsFor(check.maxConnections, ownBackends);
    const id = newId();
    const inserted = await insertServer(tx, {
      id,
      name: server.name,
      kind: server.kind,
      urlSecret: sealServerUrl(secrets, id, server.url),
      versionNumber,
      region: null,
      capacity: 10_000,
      maxBackends,
    });
    if (inserted) return id;
    const known = (await selectServerByName(tx, server.name))!;
    const urlSecret = sealServerUrl(secrets, known.id, server.url);
    await updateOwnServer(tx, { id: known.id, urlSecret, versionNumber, maxBackends });
    return known.id;
  });
}

/** Finds a server by its id (`srv_…`) or its name; `server_not_found` when there is none. */
export async function findServer(db: Db | Tx, idOrName: string): Promise<ServerRow> {
  const id = parseId("srv", idOrName);
  const server = id ? await selectServer(db, id) : await selectServerByName(db, idOrName);
  if (!server) throw failure("server_not_found");
  return server;
}

/** What Tenantry itself may need at its busiest on the server with its registry: pools, leases, operations. */
const ownBackends = 40;

/** Leaves a fifth of the server's connections, and at least those reserved, to Tenantry and to administrators. */
export function backendsFor(maxConnections: number, reserved = 10): number {
  return Math.max(1, maxConnections - Math.max(reserved, Math.ceil(maxConnections / 5)));
}

/** `server_unreachable`, with each thing that is missing at `/url`. */
export function unusable(missing: readonly string[]): Error {
  const errors = missing.map((message) => ({ pointer: "/url", message }));
  return failure("server_unreachable", { detail: missing.join(" "), errors });
}
