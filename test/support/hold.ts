import pg from "pg";
import { eventually } from "./eventually.ts";
import type { Installation } from "./installation.ts";

/** Where to make someone wait: right before a row is written, or before the server's list of databases or roles is. */
export type Point = Trigger | { catalog: "pg_database" | "pg_authid" };

export type Trigger = {
  before: "insert" | "update" | "delete" | "delete or update";
  on: string;
  when?: string;
};

export type Hold = {
  /** Resolves when somebody waits at the point; on the server, when this operation does, or anyone of ours without it. */
  reached(operationId?: string): Promise<void>;
  /** Lets them go on, and takes everything back that was put there. Works after a restart of the server as well. */
  release(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
};

const lockKey = 9_001;

/** The point right before a step's result is recorded: all that it does has been done, and the registry knows nothing. */
export function recordingOf(step: string): Trigger {
  return {
    before: "update",
    on: "operation_steps",
    when: `new.name = '${step}' and old.status = 'running' and new.status = 'done'`,
  };
}

/**
 * Stops whoever comes to a point from going on, from outside: with a trigger that waits for a lock of ours, or with a
 * lock on a catalogue of the server. The product knows nothing of it.
 */
export async function holdAt(installation: Installation, point: Point): Promise<Hold> {
  const client = new pg.Client({ connectionString: installation.registryUrl, application_name: "hold" });
  // The server is killed while we hold.
  client.on("error", () => undefined);
  await client.connect();
  if ("catalog" in point) {
    await client.query(`begin; lock table pg_catalog.${point.catalog} in share mode`);
  } else {
    await client.query(`select pg_advisory_lock(${lockKey})`);
    await client.query(triggerSql(point));
  }
  async function release(): Promise<void> {
    await client.end().catch(() => undefined);
    await installation.sql(noTrigger);
  }
  return {
    reached: (operationId) =>
      eventually(`operation ${operationId ?? "of any kind"} waits at ${JSON.stringify(point)}`, async () => {
        const [row] = await installation.sql<{ held: boolean }>(
          "catalog" in point ? waitsForCatalog : waitsForLock,
          "catalog" in point
            ? [point.catalog, `tenantry/${operationId?.replace("op_", "") ?? "%"}/%`]
            : [lockKey],
        );
        return row!.held;
      }).then(() => undefined),
    release,
    // In a test that broke off the server may be away; without our lock the trigger holds nobody.
    [Symbol.asyncDispose]: () => release().catch(() => undefined),
  };
}

const noTrigger = "drop function if exists tenantry.hold_for_test cascade";

function triggerSql(point: { before: string; on: string; when?: string }): string {
  return `
    ${noTrigger};
    create function tenantry.hold_for_test() returns trigger language plpgsql as $$
    begin
      perform pg_advisory_xact_lock_shared(${lockKey});
      return coalesce(new, old);
    end $$;
    create trigger hold_for_test before ${point.before} on tenantry.${point.on} for each row
      ${point.when ? `when (${point.when})` : ""} execute function tenantry.hold_for_test()`;
}

const waitsForLock = `
  select exists (
    select from pg_locks where locktype = 'advisory' and objid = $1 and objsubid = 1 and not granted
  ) as held`;

const waitsForCatalog = `
  select exists (
    select from pg_locks l join pg_stat_activity a on a.pid = l.pid
    where l.relation = $1::regclass and not l.granted and a.application_name like $2
  ) as held`;
