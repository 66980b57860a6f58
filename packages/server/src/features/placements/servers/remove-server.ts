import { setTimeout as delay } from "node:timers/promises";
import { type Db, inTransaction } from "../../../infra/db/index.ts";
import { failure } from "../../../kernel/index.ts";
import { updateServerState } from "./dedicated-servers.sql.ts";
import { countEnvironmentsOn, deleteServer, type ServerRow } from "./servers.sql.ts";
import { findServer } from "./servers.ts";

/** Removing spares takes a tenth of a second each. */
const patienceMs = 10_000;

/**
 * Takes a server out that no environment lives on. What was built there in advance is removed first: nothing new comes
 * from the call on. Throws `illegal_transition` while environments live there, `busy` when the clearing takes longer.
 */
export async function removeServer(db: Db, idOrName: string): Promise<void> {
  const server = await findServer(db, idOrName);
  if (server.kind === "embedded") throw belongsHere(server);
  await inTransaction(db, async (tx) => {
    const environments = await countEnvironmentsOn(tx, server.id);
    if (environments > 0) throw inUse(server, environments);
    await updateServerState(tx, server.id, "draining");
  });
  for (const until = Date.now() + patienceMs; ; ) {
    if (await inTransaction(db, (tx) => deleteServer(tx, server.id))) return;
    if (Date.now() > until) break;
    await delay(50);
  }
  const environments = await countEnvironmentsOn(db, server.id);
  if (environments > 0) throw inUse(server, environments);
  throw failure("busy", {
    detail: `What was built in advance on "${server.name}" is still being removed.`,
    remedy:
      "Try again shortly. If it stays so, look at `tenantry operation list --internal`: is the server away?",
    retryAfterSeconds: 5,
  });
}

function inUse({ name }: ServerRow, environments: number): Error {
  const many = environments === 1 ? "One environment lives" : `${environments} environments live`;
  return failure("illegal_transition", {
    detail: `${many} on the server "${name}".`,
    remedy: `Let no more come with \`tenantry server update ${name} --drain\`, and move or delete those tenants first.`,
  });
}

function belongsHere({ name, dedicated }: ServerRow): Error {
  return failure("illegal_transition", {
    detail: dedicated
      ? `The server "${name}" was started for one environment, and goes with it.`
      : `The installation brings the server "${name}" along.`,
    remedy: dedicated
      ? "Delete the tenant that it is for."
      : "To let no more tenants come there, drain it with `tenantry server update`.",
  });
}
