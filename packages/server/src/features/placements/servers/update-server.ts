import type { ServerReply, UpdateServerRequest } from "@tenantry/contract";
import { worksOn } from "../../../drivers/database/index.ts";
import { type Db, inTransaction, type Tx } from "../../../infra/db/index.ts";
import { failure, invalidField } from "../../../kernel/index.ts";
import { touchRuntime } from "../../environments/index.ts";
import { selectDatabase } from "../databases/databases.sql.ts";
import { mendingContext } from "../mending-context.ts";
import { type PlacementParts, requireDriver } from "../parts.ts";
import { selectSharedDatabases } from "../seals/seal-checks.sql.ts";
import { checkUsable, checkUsablePooler, refuseKnown } from "./add-server.ts";
import { selectEnvironmentsOn } from "./dedicated-servers.sql.ts";
import { type ServerRow, selectServer } from "./servers.sql.ts";
import { findServer, openServer, sealServerUrl } from "./servers.ts";
import { showServers } from "./show-servers.ts";
import { selectPinnedElsewhere, selectStandingNames, updateServer } from "./update-server.sql.ts";

type Parts = Pick<PlacementParts, "secrets" | "drivers">;

/**
 * Changes what is known of a server. A new URL is looked at as if the server were new, and has to lead to where the
 * databases stand; applications learn of it. Throws `server_unreachable`, `server_registered`, `illegal_transition`.
 */
export async function changeServer(
  db: Db,
  parts: Parts,
  idOrName: string,
  change: UpdateServerRequest,
): Promise<ServerReply> {
  const server = await findServer(db, idOrName);
  refuseOurs(server, change);
  const warnings = change.url === undefined ? [] : await checkNewUrl(db, parts, server, change.url);
  const reached = await reachedBy(db, parts, server, change, warnings);
  await inTransaction(db, async (tx) => {
    const row = (await selectServer(tx, server.id))!;
    if (change.region !== undefined && change.region !== row.region)
      await refusePinned(tx, row, change.region);
    await updateServer(tx, row, {
      ...change,
      urlSecret: reached && sealServerUrl(parts.secrets, row.id, reached.url, reached.poolerUrl),
    });
    // What applications know of it: its URL, and how long statements may take there.
    if (!reached && change.statementTimeoutMs === undefined) return;
    await touchRuntime(tx, await selectEnvironmentsOn(tx, row.id));
  });
  const [reply] = await showServers(db, parts.secrets, [(await selectServer(db, server.id))!]);
  return { ...reply!, ...(reached && { warnings }) };
}

/**
 * How the server is reached from now on; undefined when that doesn't change. Databases that tenants share take tokens for
 * any backend before an application brings the first one.
 */
async function reachedBy(
  db: Db,
  parts: Parts,
  server: ServerRow,
  change: UpdateServerRequest,
  warnings: string[],
): Promise<{ url: string; poolerUrl: string | undefined } | undefined> {
  if (change.url === undefined && change.poolerUrl === undefined) return undefined;
  const standing = openServer(parts.secrets, server);
  const url = change.url ?? standing.url;
  const poolerUrl = change.poolerUrl === undefined ? standing.poolerUrl : (change.poolerUrl ?? undefined);
  if (poolerUrl === undefined) return { url, poolerUrl };
  warnings.push(...(await checkUsablePooler(url, poolerUrl)));
  const opened = { id: server.id, url, poolerUrl };
  for (const shared of await selectSharedDatabases(db)) {
    if (shared.serverId !== server.id) continue;
    const context = mendingContext(async () => (await selectDatabase(db, shared.id))?.state === "in_use");
    const { sharing } = requireDriver(parts.drivers, shared.level);
    await sharing!.renewSeal(context, { server: opened, database: shared });
  }
  return { url, poolerUrl };
}

/** Servers that we start ourselves are what their start makes of them. */
function refuseOurs(server: ServerRow, change: UpdateServerRequest): void {
  if (server.kind === "external") return;
  if (server.dedicated) {
    throw failure("illegal_transition", {
      detail: `The server "${server.name}" was started for one environment, and goes with it.`,
    });
  }
  for (const field of ["url", "poolerUrl", "maxBackends"] as const) {
    if (change[field] === undefined) continue;
    throw invalidField(
      `/${field}`,
      "The installation brings this server along, and sets this at each start.",
    );
  }
}

async function checkNewUrl(db: Db, parts: Parts, server: ServerRow, url: string): Promise<string[]> {
  const check = await checkUsable(url);
  await refuseKnown(db, parts.secrets, check, server.id);
  const opened = { id: server.id, url };
  const lists = await Promise.all(
    Object.values(parts.drivers)
      .filter((driver) => worksOn(driver, opened))
      .map((driver) => driver.list(opened)),
  );
  const there = new Set(lists.flat().map(({ name }) => name));
  const missing = (await selectStandingNames(db, server.id)).filter((name) => !there.has(name));
  if (missing.length === 0) return check.warnings;
  throw invalidField(
    "/url",
    `It leads to another server: ${missing.length} databases of "${server.name}" aren't there, such as ${missing[0]}.`,
  );
}

async function refusePinned(tx: Tx, server: ServerRow, region: string | null): Promise<void> {
  const pinned = await selectPinnedElsewhere(tx, server.id, region);
  if (pinned.length === 0) return;
  throw failure("illegal_transition", {
    detail: `Tenants live on "${server.name}" that belong to another region: ${pinned.join(", ")}.`,
    remedy: "Move or delete them first, or change their region.",
  });
}
