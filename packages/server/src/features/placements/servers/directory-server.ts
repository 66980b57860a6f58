import { type Db, inTransaction, type Tx } from "../../../infra/db/index.ts";
import type { Log } from "../../../infra/log/index.ts";
import type { StepContext } from "../../../infra/workflow/index.ts";
import { encodeUuid, failure, newId } from "../../../kernel/index.ts";
import { touchRuntime } from "../../environments/index.ts";
import type { PlacementParts } from "../parts.ts";
import { lockPlacing, selectOwnRegion, selectWorkerHosts } from "./choose-server.sql.ts";
import { selectEnvironmentsOn, updateServerUrl } from "./dedicated-servers.sql.ts";
import { insertServer, type ServerRow, selectDirectories, selectServer } from "./servers.sql.ts";
import { openServer, sealServerUrl } from "./servers.ts";

const plainName = "sqlite";

/**
 * Sees to it that this machine's directory of SQLite files is registered as a server; it is made with the first
 * environment that wants it. Throws `isolation_unavailable` when files stand on another machine. Repeatable.
 */
export async function ensureDirectory(parts: PlacementParts, context: StepContext): Promise<void> {
  const { directory } = parts;
  if (!directory) throw failure("isolation_unavailable", { detail: "No SQLite files are kept here." });
  const id = await directory.claim(newId());
  if (await selectServer(context.db, id)) return;
  const versionNumber = await directory.versionNumber();
  await context.transaction(async (tx) => {
    await lockPlacing(tx);
    const known = await selectDirectories(tx);
    if (known.some((row) => row.id === id)) return;
    if (known[0]) throw elsewhere(known[0]);
    const row = {
      id,
      kind: "directory" as const,
      urlSecret: sealServerUrl(parts.secrets, id, directory.url),
      versionNumber,
      region: await selectOwnRegion(tx),
      capacity: 100_000,
      maxBackends: 1,
    };
    if (await insertServer(tx, { ...row, name: plainName })) return;
    // The end of an id is random, its beginning is the time.
    await insertServer(tx, { ...row, name: `${plainName}-${encodeUuid(id).slice(-10)}` });
  });
}

/**
 * Throws `isolation_unavailable` where no file could serve: a file lies on one machine's disk, and every worker builds
 * databases and runs applications.
 */
export async function requireOneMachine(db: Db | Tx): Promise<void> {
  const hosts = await selectWorkerHosts(db);
  if (hosts.length < 2) return;
  const message = `SQLite files lie on one machine's disk, and workers run on ${hosts.length}: ${hosts.join(", ")}.`;
  throw failure("isolation_unavailable", {
    detail: message,
    errors: [{ pointer: "/isolation/database", message }],
    remedy: "Choose the level database or schema, or run workers on one machine.",
  });
}

function elsewhere({ name }: ServerRow): Error {
  return failure("isolation_unavailable", {
    detail: `The files of the server "${name}" are on another machine, or in another data directory.`,
    remedy:
      "Run workers where those files are. If nothing is left there, take it out with `tenantry server remove`.",
  });
}

/** The data directory may have moved while nothing ran: applications learn where their files are now. Repeatable. */
export async function followDirectory(
  parts: PlacementParts,
  { db, log }: { db: Db; log: Log },
): Promise<void> {
  const { directory } = parts;
  const id = await directory?.claimed();
  const row = id === undefined ? undefined : await selectServer(db, id);
  if (!directory || row?.kind !== "directory" || openServer(parts.secrets, row).url === directory.url) return;
  await inTransaction(db, async (tx) => {
    await updateServerUrl(tx, row.id, sealServerUrl(parts.secrets, row.id, directory.url));
    await touchRuntime(tx, await selectEnvironmentsOn(tx, row.id));
  });
  log.info({ serverId: row.id, name: row.name }, "server.moved");
}
