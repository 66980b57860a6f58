import { setTimeout as pause } from "node:timers/promises";
import type { EventName } from "@tenantry/contract";
import type { DriverContext } from "../../drivers/database/index.ts";
import type { Db } from "../../infra/db/index.ts";
import type { Log } from "../../infra/log/index.ts";
import { newId } from "../../kernel/index.ts";
import type { Events } from "../events/index.ts";
import { type CredentialRow, selectAmiss, selectCredential } from "./credentials.sql.ts";
import { deleteResource } from "./keeper.sql.ts";
import { alignCredential, type CredentialParts, endCredential } from "./parts.ts";

/** After these a login may have to be opened or closed. */
const names: readonly EventName[] = [
  "tenant.suspended",
  "tenant.resumed",
  "tenant.deleting",
  "tenant.undeleted",
  "environment.credentials-issued",
  "database.unsealed",
  "database.sealed",
];

const pageSize = 100;
const deadlineMs = 20_000;
const retryMs = 1_000;

export type KeeperParts = CredentialParts & { db: Db; log: Log; events: Pick<Events, "follow" | "now"> };
export type CredentialKeeper = { start(): void; pass(): Promise<void>; close(): Promise<void> };

/**
 * Sees to it that logins let somebody in exactly as long as their tenants are active, and removes those that have
 * expired. It compares what should be with what was done last, so that nothing is lost with a node that dies; any number
 * of nodes may do it. `pass` does it once, for a schedule.
 */
export function createCredentialKeeper(parts: KeeperParts): CredentialKeeper {
  const { db, log, events } = parts;
  const closing = new AbortController();
  let following: Promise<void> = Promise.resolve();

  async function pass(): Promise<void> {
    for (let after: string | undefined; ; ) {
      const rows = await selectAmiss(db, after, pageSize);
      for (const row of rows) {
        await mend(parts, row).catch((error: unknown) => {
          const { environmentId } = row;
          log.warn({ environmentId, error: (error as Error).message }, "credentials.not_aligned");
        });
      }
      if (rows.length < pageSize || closing.signal.aborted) return;
      after = rows.at(-1)!.id;
    }
  }

  async function follow(): Promise<void> {
    const { signal } = closing;
    while (!signal.aborted) {
      try {
        const cursor = await events.now();
        await pass();
        for await (const { items } of events.follow({ names }, cursor, signal)) {
          if (items.length > 0) await pass();
        }
      } catch (error) {
        log.warn({ error: (error as Error).message }, "credentials.not_followed");
      }
      await pause(retryMs, undefined, { signal }).catch(() => undefined);
    }
  }

  return {
    start() {
      following = follow();
    },
    pass,
    async close() {
      closing.abort();
      await following;
    },
  };
}

async function mend(parts: CredentialParts & { db: Db }, row: CredentialRow): Promise<void> {
  const { db, placements } = parts;
  const where = await placements.environmentLogins(db, row.environmentId);
  const context = keepersContext(db, row);
  if (row.expiresAt && row.expiresAt.getTime() <= Date.now()) await endCredential(db, where, context, row);
  else await alignCredential(db, where, context, row);
}

/** No operation stands behind it: what gives the right to change the login is its row. */
function keepersContext(db: Db, { id }: CredentialRow): DriverContext {
  const refuse = () => Promise.reject(new Error("A keeper makes nothing."));
  return {
    operationId: newId(),
    fence: 0,
    signal: AbortSignal.timeout(deadlineMs),
    async assertLease() {
      if (!(await selectCredential(db, id))) throw new Error("Somebody else has ended this login.");
    },
    declareResource: refuse,
    resourcePresent: refuse,
    resourceRemoved: (name) => deleteResource(db, name),
  };
}
