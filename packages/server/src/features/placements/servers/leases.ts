import { type Db, inTransaction } from "../../../infra/db/index.ts";
import { type Holder, lockServer, upsertLease } from "./leases.sql.ts";

/** How long a holder may use its backends without renewing; milliseconds. */
export const backendLeaseMs = 30_000;

/**
 * Leases database backends on a server to a process, from a budget that all processes share. Answers how many it may
 * hold, from 0 to `wanted`; fewer when others hold the rest, or when its application holds all that it may, however many
 * processes it names. Call it again well before `backendLeaseMs` has passed:
 * that renews the lease, and may grow or shrink it. What isn't renewed goes to others.
 */
export async function leaseBackends(
  db: Db,
  holder: Holder,
  serverId: string,
  wanted: number,
  leaseMs: number = backendLeaseMs,
): Promise<number> {
  const [backends] = await leaseOnMany(db, holder, [{ serverId, wanted }], leaseMs);
  return backends!;
}

/**
 * The same on several servers, given in the order of their ids so that no two wait for each other. One commit for all:
 * an application of which many environments have a server to themselves asks for as many.
 */
export async function leaseOnMany(
  db: Db,
  holder: Holder,
  servers: readonly { serverId: string; wanted: number }[],
  leaseMs: number = backendLeaseMs,
): Promise<number[]> {
  return inTransaction(db, async (tx) => {
    const granted: number[] = [];
    for (const { serverId, wanted } of servers) {
      await lockServer(tx, serverId);
      granted.push(await upsertLease(tx, { holder, serverId, wanted, leaseMs }));
    }
    return granted;
  });
}
