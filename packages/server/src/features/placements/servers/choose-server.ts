import type { Db, Tx } from "../../../infra/db/index.ts";
import { failure } from "../../../kernel/index.ts";
import {
  hasRoom,
  lockPlacing,
  type ServerWanted,
  selectAnyServer,
  selectEligible,
  selectLeastFull,
  selectOwnRegion,
} from "./choose-server.sql.ts";
import { requireOneMachine } from "./directory-server.ts";
import { type ServerRow, selectServer } from "./servers.sql.ts";

/**
 * The server that a new database goes to: the least full one of those that its level, its region and its tenant allow.
 * Undefined when none has room. Until the transaction ends nobody else chooses: whoever does afterwards counts what was
 * put there, so that no server is ever filled beyond its capacity.
 */
export async function findServerWithRoom(tx: Tx, wanted: ServerWanted): Promise<ServerRow | undefined> {
  await lockPlacing(tx);
  const id = await selectLeastFull(tx, wanted);
  return id === undefined ? undefined : selectServer(tx, id);
}

/** The same; throws `no_capacity`, `server_unreachable` or `isolation_unavailable`, with what to do, when there is none. */
export async function chooseServer(tx: Tx, wanted: ServerWanted): Promise<ServerRow> {
  const server = await findServerWithRoom(tx, wanted);
  if (server) return server;
  throw await whyNone(tx, wanted);
}

/** A server for what no tenant has, such as migrations being tried: room doesn't matter. */
export async function chooseAnyServer(tx: Tx, except: readonly string[] = []): Promise<ServerRow> {
  const id = await selectAnyServer(tx, except);
  if (id !== undefined) return (await selectServer(tx, id))!;
  throw failure("no_capacity", { detail: "No database server is ready." });
}

/** Throws `no_capacity` when the server has no room for a database more. Until the transaction ends nobody takes it. */
export async function requireRoom(tx: Tx, serverId: string): Promise<void> {
  await lockPlacing(tx);
  if (await hasRoom(tx, serverId)) return;
  throw failure("no_capacity", { detail: "The database server is full." });
}

/** Whether servers that we start ourselves, which all stand in one place, are in the region that is wanted. */
export async function standsHere(db: Db | Tx, region: string | undefined): Promise<boolean> {
  return region === undefined || (await selectOwnRegion(db)) === region;
}

/**
 * Throws when no server could ever take it, however much room there were: `region_unavailable` or
 * `isolation_unavailable`, with what to do. `startsServers` says whether servers are started for `dedicated`.
 */
export async function requireEligible(
  db: Db | Tx,
  wanted: ServerWanted,
  startsServers: boolean,
): Promise<void> {
  if (wanted.level === "sqlite") {
    await requireOneMachine(db);
    if (!(await standsHere(db, wanted.region))) throw noneEligible(wanted);
    // The directory that it goes to may not be known yet, but what was named is.
    const isOther = wanted.serverId !== undefined && (await selectEligible(db, wanted)).length === 0;
    if (isOther) throw noneEligible(wanted);
    return;
  }
  // An installation that has no server at all yet may have one by the time that it is needed.
  if (wanted.level !== "dedicated" && wanted.region === undefined && wanted.serverId === undefined) return;
  if ((await selectEligible(db, wanted)).length > 0) return;
  const mayStart = wanted.level === "dedicated" && startsServers && wanted.serverId === undefined;
  if (mayStart && (await standsHere(db, wanted.region))) return;
  throw noneEligible(wanted);
}

async function whyNone(tx: Tx, wanted: ServerWanted): Promise<Error> {
  const servers = await selectEligible(tx, wanted);
  if (servers.length === 0) return noneEligible(wanted);
  const where = wanted.region ? ` in the region ${wanted.region}` : "";
  const own = servers.find(({ isOwn }) => isOwn);
  const names = servers.map(({ name }) => `"${name}"`).join(", ");
  if (servers.every(({ state }) => state === "unavailable")) {
    const detail = own
      ? `The tenant's own server ${names} doesn't answer.`
      : `No database server${where} answers: ${names}.`;
    const remedy = own
      ? "Bring it back: the tenant's databases go nowhere else. Or take it out with `tenantry server remove`."
      : "Bring one back, or register another one with `tenantry server add`.";
    return failure("server_unreachable", { detail, remedy });
  }
  if (wanted.level === "dedicated") {
    return failure("no_capacity", {
      detail: `Every server${where} that is kept for one environment has one: ${names}.`,
      remedy: "Register another one with `tenantry server add <name> --dedicated`.",
    });
  }
  const whose = own ? "The tenant's own server" : `No database server${where}`;
  return failure("no_capacity", {
    detail: own ? `${whose} ${names} is full.` : `${whose} has room.`,
    remedy:
      "Register another one with `tenantry server add`, or raise a capacity with `tenantry server update`.",
  });
}

function noneEligible({ level, region, serverId }: ServerWanted): Error {
  if (serverId !== undefined) {
    const message = `This server doesn't take the tenant's database at the level ${level}.`;
    return failure("isolation_unavailable", {
      detail: message,
      errors: [{ pointer: "/server", message }],
      remedy: "Name another one of `tenantry server list`, or none.",
    });
  }
  const kind = level === "dedicated" ? " that is kept for one environment" : "";
  if (region !== undefined) {
    const message = `No database server${kind} stands in the region "${region}".`;
    return failure("region_unavailable", {
      detail: message,
      errors: [{ pointer: "/region", message }],
      remedy: `Register one with \`tenantry server add <name> --region ${region}${kind && " --dedicated"}\`, or say where one stands with \`tenantry server update\`.`,
    });
  }
  if (level !== "dedicated") return failure("no_capacity", { detail: "There is no database server." });
  const message = `There is no server${kind}.`;
  return failure("isolation_unavailable", {
    detail: message,
    errors: [{ pointer: "/isolation/database", message }],
    remedy: "Register one with `tenantry server add <name> --dedicated`.",
  });
}
