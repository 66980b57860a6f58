import type { DatabaseServer, ServerDriver } from "../../../drivers/database/index.ts";
import { type Db, inTransaction, type Tx } from "../../../infra/db/index.ts";
import type { Log } from "../../../infra/log/index.ts";
import type { StepContext } from "../../../infra/workflow/index.ts";
import { encodeUuid, failure, newId } from "../../../kernel/index.ts";
import { touchRuntime } from "../../environments/index.ts";
import { type DatabaseRow, deleteDatabase, selectDatabasesOn } from "../databases/databases.sql.ts";
import { removeFromServer } from "../databases/remove-from-server.ts";
import type { PlacementParts } from "../parts.ts";
import { selectOwnRegion } from "./choose-server.sql.ts";
import { standsHere } from "./choose-server.ts";
import {
  deleteServerWhole,
  selectEnvironmentsOn,
  selectStartedServers,
  updateServerState,
  updateServerUp,
  updateServerUrl,
} from "./dedicated-servers.sql.ts";
import { insertServer, type ServerRow, selectServer } from "./servers.sql.ts";
import { backendsFor, openServer, sealServerUrl } from "./servers.ts";

/** Whether we start the server and end it, as opposed to one that somebody gave us. */
const isStartedByUs = ({ kind, dedicated }: ServerRow): boolean => kind === "embedded" && dedicated;

/**
 * The row of a server that is to be started for one environment, where we start servers; it is started by whoever needs
 * it first, with `readyServer`. Undefined where we don't, or not in that region.
 */
export async function reserveStartedServer(
  parts: Pick<PlacementParts, "servers">,
  tx: Tx,
  wanted: { region?: string | undefined; id?: string },
): Promise<string | undefined> {
  if (!parts.servers || !(await standsHere(tx, wanted.region))) return undefined;
  const { id = newId() } = wanted;
  await insertServer(tx, {
    id,
    // The end of an id is random, its beginning is the time.
    name: `dedicated-${encodeUuid(id).slice(-10)}`,
    kind: "embedded",
    urlSecret: null,
    versionNumber: 0,
    region: await selectOwnRegion(tx),
    capacity: 1,
    maxBackends: 1,
    dedicated: true,
    state: "creating",
  });
  return id;
}

/** A server, opened; one that we start is started first, or waited for when it is just coming back. Repeatable. */
export async function readyServer(
  parts: PlacementParts,
  context: StepContext,
  serverId: string,
): Promise<DatabaseServer> {
  const row = await selectServer(context.db, serverId);
  if (!row) throw failure("server_not_found");
  if (!isStartedByUs(row)) return openServer(parts.secrets, row);
  const servers = requireServers(parts);
  if (row.state !== "creating") {
    await servers.start(serverId);
    return openServer(parts.secrets, row);
  }
  const { url, versionNumber, maxConnections } = await servers.provide(context, serverId);
  const urlSecret = sealServerUrl(parts.secrets, serverId, url);
  const maxBackends = backendsFor(maxConnections);
  await context.transaction((tx) =>
    updateServerUp(tx, { id: serverId, urlSecret, versionNumber, maxBackends }),
  );
  return { id: serverId, url };
}

/**
 * Removes the one environment's database from its server: with the server, if we started it; else so that the server is
 * as it was when it was given to us. `forget` removes the registry's rows of the database. Repeatable.
 */
export async function vacateServer(
  parts: PlacementParts,
  context: StepContext,
  database: DatabaseRow,
  forget: (tx: Tx) => Promise<void>,
): Promise<void> {
  const server = (await selectServer(context.db, database.serverId))!;
  if (isStartedByUs(server)) {
    const servers = requireServers(parts);
    await context.transaction((tx) => updateServerState(tx, server.id, "removing"));
    await servers.remove(context, server.id);
    await context.transaction(async (tx) => {
      await forget(tx);
      await deleteServerWhole(tx, server.id);
    });
    return;
  }
  await removeFromServer(parts, context, database);
  for (const other of await selectDatabasesOn(context.db, server.id)) {
    if (other.state !== "blueprint") continue;
    await removeFromServer(parts, context, other);
    await context.transaction((tx) => deleteDatabase(tx, other.id));
  }
  await context.transaction(forget);
}

/** Removes a server that was started for a spare which never came to be. Repeatable. */
export async function removeStartedServer(
  parts: PlacementParts,
  context: StepContext,
  serverId: string,
): Promise<void> {
  const server = await selectServer(context.db, serverId);
  if (!server || !isStartedByUs(server)) return;
  const databases = await selectDatabasesOn(context.db, serverId);
  if (databases.some(({ state }) => state === "in_use")) return;
  const servers = requireServers(parts);
  await context.transaction((tx) => updateServerState(tx, serverId, "removing"));
  await servers.remove(context, serverId);
  await context.transaction((tx) => deleteServerWhole(tx, serverId));
}

/**
 * Sees to it that all servers run that we started for environments, after this node had stopped. One that doesn't come
 * up is marked and logged, and tried again by the next call; its neighbours don't wait for it.
 */
export async function startServers(parts: PlacementParts, { db, log }: { db: Db; log: Log }): Promise<void> {
  const { servers } = parts;
  if (!servers) return;
  await Promise.all(
    (await selectStartedServers(db)).map((id) =>
      startAgain(parts, servers, db, id).catch(async (error: Error) => {
        log.error({ serverId: id, error: error.message }, "server.start_failed");
        await inTransaction(db, (tx) => updateServerState(tx, id, "unavailable"));
      }),
    ),
  );
}

async function startAgain(parts: PlacementParts, servers: ServerDriver, db: Db, id: string): Promise<void> {
  const { url } = await servers.start(id);
  const row = await selectServer(db, id);
  // Removed meanwhile.
  if (!row?.urlSecret || row.state === "removing") return;
  if (row.state !== "unavailable" && openServer(parts.secrets, row).url === url) return;
  await inTransaction(db, async (tx) => {
    await updateServerUrl(tx, id, sealServerUrl(parts.secrets, id, url));
    await touchRuntime(tx, await selectEnvironmentsOn(tx, id));
  });
}

function requireServers(parts: Pick<PlacementParts, "servers">): ServerDriver {
  if (parts.servers) return parts.servers;
  throw failure("isolation_unavailable", { detail: "No database servers are started here." });
}
