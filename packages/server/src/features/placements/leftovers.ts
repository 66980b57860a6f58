import { type DatabaseServer, type PhysicalName, worksOn } from "../../drivers/database/index.ts";
import type { Db } from "../../infra/db/index.ts";
import { hasCode } from "../../kernel/index.ts";
import { selectDatabasesOn } from "./databases/databases.sql.ts";
import { selectDeclared, selectPlacedNames, type Traces } from "./leftovers.sql.ts";
import type { PlacementParts } from "./parts.ts";
import type { PlaceKind, PlaceOn } from "./place-driver.ts";
import { type ServerRow, selectServer, selectServers } from "./servers/servers.sql.ts";
import { openServer } from "./servers/servers.ts";

export type Leftover = {
  /**
   * `unexplained`: it stands, and no row says why. `missing`: a row says it stands, and it doesn't. `unreachable`: a
   * server that doesn't answer, so that nobody can tell.
   */
  problem: "unexplained" | "missing" | "unreachable";
  kind: "database" | "role" | "server" | "storage" | "cache";
  name: string;
  serverId?: string;
  /** Of a server that doesn't answer: what it is, where, and why. */
  detail?: string;
};

/**
 * Compares what stands on servers and disks with what the registry says should. Things that open operations are just
 * making or removing count as explained, and not as missing. Changes nothing.
 */
export async function scanForLeftovers(db: Db, parts: PlacementParts): Promise<Leftover[]> {
  const found: Leftover[] = [];
  for (const row of await selectServers(db)) {
    if (isOnItsWay(row)) continue;
    found.push(...(await scanServer(db, parts, row).catch((error) => unreachable(error, row))));
  }
  found.push(...(await scanStarted(db, parts)));
  for (const kind of ["storage", "cache"] as const) {
    for (const place of await parts[kind].all(db)) {
      found.push(...(await scanPlace(db, kind, place).catch((error) => unreachablePlace(error, place))));
    }
  }
  return found;
}

async function scanPlace(db: Db, kind: PlaceKind, { driver, serverId }: PlaceOn): Promise<Leftover[]> {
  const standing = await driver.list();
  if (!standing) return [];
  const explained = await selectPlacedNames(db, { kind, driver: driver.driver, serverId });
  const compared = compare(
    standing,
    explained.map(({ name }) => name),
    explained.filter(({ settled }) => settled).map(({ name }) => name),
  );
  return compared.map((difference) => ({ ...difference, kind, ...(serverId && { serverId }) }));
}

const isOnItsWay = ({ state }: Pick<ServerRow, "state">) => state === "creating" || state === "removing";

function unreachable(error: unknown, { id, name }: Pick<ServerRow, "id" | "name">): Leftover[] {
  if (!hasCode(error, "server_unreachable")) throw error;
  return [{ problem: "unreachable", kind: "server", name, serverId: id }];
}

function unreachablePlace(error: unknown, { driver, serverId }: PlaceOn): Leftover[] {
  if (!serverId || !(hasCode(error, "storage_unavailable") || hasCode(error, "server_unreachable")))
    throw error;
  const { message: detail } = error as Error;
  return [{ problem: "unreachable", kind: "server", name: driver.driver, serverId, detail }];
}

/** The servers that we started: their files, whether or not they run. */
async function scanStarted(db: Db, parts: PlacementParts): Promise<Leftover[]> {
  const { servers } = parts;
  if (!servers) return [];
  const standing = await servers.list();
  const started = (await selectServers(db)).filter(({ kind, dedicated }) => kind === "embedded" && dedicated);
  const names = (rows: readonly ServerRow[]) => rows.map(({ id }) => servers.nameFor(id));
  const compared = compare(standing, names(started), names(started.filter((row) => !isOnItsWay(row))));
  return compared.map((difference) => ({ ...difference, kind: "server" }));
}

/**
 * Which of these names still stand somewhere: on one of these servers (any, when none is told) or among the files and caches, not in our notes. A
 * server that is gone holds nothing; where others live, whether they answer is nobody's business here.
 */
export async function findStanding(
  db: Db,
  parts: PlacementParts,
  { names, serverIds }: Pick<Traces, "names"> & Partial<Traces>,
): Promise<string[]> {
  const standing = new Set<string>(await parts.servers?.list());
  for (const id of serverIds ?? (await selectServers(db)).map((row) => row.id)) {
    const row = await selectServer(db, id);
    if (!row) continue;
    for (const { name } of await listServer(parts, openServer(parts.secrets, row))) standing.add(name);
  }
  for (const kind of ["storage", "cache"] as const) {
    for (const { driver, serverId } of await parts[kind].all(db)) {
      if (serverId !== null && serverIds && !serverIds.includes(serverId)) continue;
      for (const name of (await driver.list()) ?? []) standing.add(name);
    }
  }
  return names.filter((name) => standing.has(name));
}

async function listServer(parts: PlacementParts, server: DatabaseServer): Promise<PhysicalName[]> {
  const drivers = Object.values(parts.drivers).filter((driver) => worksOn(driver, server));
  const found = (await Promise.all(drivers.map((driver) => driver.list(server)))).flat();
  // Each level tells of everything that is ours.
  return [...new Map(found.map((thing) => [`${thing.kind} ${thing.name}`, thing])).values()];
}

async function scanServer(db: Db, parts: PlacementParts, row: ServerRow): Promise<Leftover[]> {
  const standing = await listServer(parts, openServer(parts.secrets, row));
  // Read after looking at the server: what was declared since then isn't there yet.
  const databases = await selectDatabasesOn(db, row.id);
  const declared = await selectDeclared(db, row.id);
  const settled = databases.filter(({ state }) => state !== "creating" && state !== "removing");
  const found: Leftover[] = [];
  for (const kind of ["database", "role"] as const) {
    const nameOf = (database: (typeof databases)[number]) =>
      kind === "database" ? database.name : database.roleName;
    const names = (rows: typeof databases) => rows.map(nameOf).filter((name) => name !== null);
    const explained = [
      ...names(databases),
      ...declared.filter((resource) => resource.kind === kind).map((resource) => resource.name),
    ];
    const here = standing.filter((thing) => thing.kind === kind).map(({ name }) => name);
    const compared = compare(here, explained, names(settled));
    found.push(...compared.map((difference) => ({ ...difference, kind, serverId: row.id })));
  }
  return found;
}

function compare(
  standing: readonly string[],
  explained: readonly string[],
  required: readonly string[],
): Pick<Leftover, "problem" | "name">[] {
  const [here, known] = [new Set(standing), new Set(explained)];
  const unexplained = standing.filter((name) => !known.has(name));
  const missing = required.filter((name) => !here.has(name));
  return [
    ...unexplained.map((name) => ({ problem: "unexplained" as const, name })),
    ...missing.map((name) => ({ problem: "missing" as const, name })),
  ];
}
