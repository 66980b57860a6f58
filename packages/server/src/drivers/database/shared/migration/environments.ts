import { mintSealToken, sealTokenSeconds } from "@tenantry/data";
import type pg from "pg";
import { nobody } from "./run.sql.ts";

export type SealKey = { databaseId: string; key: Buffer };

/** Opens environments, one after another, in the transactions of one connection. */
export function createEntrance(client: pg.Client, { databaseId, key }: SealKey) {
  const { processID: backend } = client as unknown as { processID: number };
  let clock: { seconds: number; readAt: number } | undefined;
  async function now(): Promise<number> {
    if (!clock || performance.now() - clock.readAt > 10_000) {
      const { rows } = await client.query<{ seconds: number }>(
        "select floor(extract(epoch from clock_timestamp()))::float8 as seconds",
      );
      clock = { seconds: rows[0]!.seconds, readAt: performance.now() };
    }
    return clock.seconds;
  }
  async function enter(environmentId: string): Promise<void> {
    const expiresAt = (await now()) + sealTokenSeconds;
    const token = mintSealToken(key, { databaseId, environmentId, expiresAt, backend });
    await client.query("select tenantry.enter($1)", [token]);
  }
  // Belongs to nobody: whoever works on what all share sees no rows.
  return { enter, leave: () => enter(nobody) };
}
