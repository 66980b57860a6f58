import { hostname } from "node:os";
import { newId } from "../../kernel/index.ts";
import type { Db } from "../db/index.ts";
import type { Log } from "../log/index.ts";
import { lifeOf } from "../process-life/index.ts";
import {
  deleteNode,
  deleteSilentNodes,
  insertNode,
  selectNodesOf,
  selectRolesOfOthers,
  touchNode,
} from "./nodes.sql.ts";

export {
  createGatewayWatch,
  reportVersions,
} from "./gateway-reports.ts";
export { isOlderNodePresent } from "./nodes.sql.ts";

/** This process among those that share the registry. */
export type Node = {
  id: string;
  /** Whether another node that isn't taken for dead has that role. */
  hasOther(role: string): Promise<boolean>;
  leave(): Promise<void>;
};

export type NodeOptions = { db: Db; log: Log; role: string; version: string; schemaVersion: number };

const beatEveryMs = 5_000;
const deadAfterMs = 30_000;

/**
 * Makes this process known to the others and keeps it so; forgets nodes that went silent, and at once those that this
 * host ran and that are gone. What hangs on a node's row (its instances and their keys) goes with it.
 */
export async function joinNodes(options: NodeOptions): Promise<Node> {
  const { db, log } = options;
  const host = hostname();
  for (const other of await selectNodesOf(db, host)) {
    if (!isRunning(other.processId) || other.processId === process.pid) await deleteNode(db, other.id);
  }
  const { role, version, schemaVersion } = options;
  const node = { id: newId(), role, host, processId: process.pid, version, schemaVersion };
  await insertNode(db, node);

  async function beat(): Promise<void> {
    try {
      if (!(await touchNode(db, node.id))) {
        // Silent for too long (a laptop that slept): we are back, under the same id.
        log.warn({ nodeId: node.id }, "node.taken-for-dead");
        await insertNode(db, node);
      }
      const dead = await deleteSilentNodes(db, deadAfterMs);
      if (dead.length > 0) log.warn({ nodeIds: dead }, "nodes.dead");
    } catch (error) {
      log.warn({ error: (error as Error).message }, "node.beat-failed");
    }
  }
  const timer = setInterval(() => void beat(), beatEveryMs);
  timer.unref();
  return {
    id: node.id,
    hasOther: async (wanted) => (await selectRolesOfOthers(db, node.id)).includes(wanted),
    async leave() {
      clearInterval(timer);
      try {
        await deleteNode(db, node.id);
      } catch (error) {
        // The registry is away: the others forget us when we have been silent for long enough.
        log.warn({ error: (error as Error).message }, "node.leave-failed");
      }
    },
  };
}

function isRunning(processId: number): boolean {
  try {
    process.kill(processId, 0);
    // Killed and never reaped, a process still takes signals.
    return process.platform !== "linux" || lifeOf(processId) !== undefined;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
