import { mintSealToken, sealTokenSeconds } from "@tenantry/data";
import pg from "pg";
import { ownerName } from "../common/names.ts";
import type { Session } from "../common/session.ts";
import type { SharedPlace } from "../driver.ts";
import { lockAgainstMigrations } from "./migration/run.sql.ts";

/**
 * Runs `work` in one transaction as the owner of the tables, entered as the environment: its policies bind the owner, too.
 * No migration is under way meanwhile. Nothing is done, and undefined answered, when `needed` says so in there.
 */
export async function entered<Result>(
  inside: Session,
  place: SharedPlace,
  work: () => Promise<Result>,
  needed: () => Promise<boolean> = async () => true,
): Promise<Result | undefined> {
  const [now] = await inside.read<{ pid: number; seconds: number }>(
    "select pg_backend_pid() as pid, floor(extract(epoch from clock_timestamp()))::float8 as seconds",
  );
  const token = mintSealToken(Buffer.from(place.sealKey, "base64"), {
    databaseId: place.databaseId,
    environmentId: place.environmentId,
    expiresAt: now!.seconds + sealTokenSeconds,
    backend: now!.pid,
  });
  await inside.change("begin");
  await inside.change(lockAgainstMigrations);
  if (!(await needed())) {
    await inside.change("rollback");
    return undefined;
  }
  await inside.change(`set local role ${pg.escapeIdentifier(ownerName(place.appId))}`);
  await inside.change("select tenantry.enter($1)", [token]);
  const result = await work();
  await inside.change("commit");
  return result;
}
