import type { DriverContext, ServerDriver } from "../../drivers/database/index.ts";
import type { Db } from "../../infra/db/index.ts";
import { longestRemovalMs, type RemoveResource } from "../../infra/workflow/index.ts";
import { newId } from "../../kernel/index.ts";
import { deleteUnfinished } from "./databases/databases.sql.ts";
import { type PlacementParts, placesFor, requireDriver } from "./parts.ts";
import { type PlaceKind, placeOf } from "./place-driver.ts";
import { deleteResource, isBeingSwept } from "./removers.sql.ts";
import { deleteServerWhole } from "./servers/dedicated-servers.sql.ts";
import { selectServer } from "./servers/servers.sql.ts";
import { openServer } from "./servers/servers.ts";

/**
 * What the sweeper removes databases, roles, servers, files and caches with, by `kind/driver`: things whose operation ended before they were
 * finished. Whoever still works on one of that name is a zombie, and is ended first.
 */
export function createRemovers(db: Db, parts: PlacementParts): Record<string, RemoveResource> {
  const remove: RemoveResource = async (resource) => {
    if (resource.serverId === undefined) return;
    const row = await selectServer(db, resource.serverId);
    // A server that we started went with all that was on it.
    if (!row) return;
    const server = openServer(parts.secrets, row);
    const thing = { kind: resource.kind as "database" | "role", name: resource.physicalName };
    const driver = requireDriver(parts.drivers, resource.driver);
    await driver.remove(sweepingContext(db, resource.id), { server, thing });
    if (thing.kind === "database") await deleteUnfinished(db, server.id, thing.name);
  };
  const databases = Object.keys(parts.drivers);
  const placeRemovers = (kind: PlaceKind) =>
    parts[kind].drivers.map((name): [string, RemoveResource] => [
      `${kind}/${name}`,
      async (resource) => {
        const driver = await placeOf(placesFor(parts, kind), db, resource);
        await driver.remove(sweepingContext(db, resource.id), resource.physicalName);
      },
    ]);
  const removeServer =
    (servers: ServerDriver): RemoveResource =>
    async (resource) => {
      await servers.remove(sweepingContext(db, resource.id), resource.serverId!);
      await deleteServerWhole(db, resource.serverId!);
    };
  return {
    ...(parts.servers && { "server/embedded": removeServer(parts.servers) }),
    ...Object.fromEntries(
      databases.flatMap((level) => [`database/${level}`, `role/${level}`].map((kind) => [kind, remove])),
    ),
    ...Object.fromEntries([...placeRemovers("storage"), ...placeRemovers("cache")]),
  };
}

/** The sweeper holds no operation: its right to remove is the resource's row. */
function sweepingContext(db: Db, resourceId: string): DriverContext {
  const refuse = () => Promise.reject(new Error("A sweep makes nothing."));
  return {
    operationId: newId(),
    fence: 0,
    signal: AbortSignal.timeout(longestRemovalMs),
    async assertLease() {
      if (!(await isBeingSwept(db, resourceId))) throw new Error("Somebody else has swept this.");
    },
    declareResource: refuse,
    resourcePresent: refuse,
    // The row of the thing itself is the sweeper's to delete; this is for what went with it.
    resourceRemoved: (name) => deleteResource(db, name),
  };
}
