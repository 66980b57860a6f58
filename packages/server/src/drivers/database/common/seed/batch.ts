import type pg from "pg";
import { databaseErrorCode } from "../../../../infra/db/index.ts";

/** One thing to send, and where it stands in its file. */
export type Sent = { text: string; values?: (string | null)[] | undefined; line: number; column?: number };

/** What PostgreSQL said about one of them. */
export class SeedRefused extends Error {
  readonly sent: Sent;
  readonly position: string | undefined;
  constructor(sent: Sent, cause: Error & { position?: string }) {
    super(cause.message, { cause });
    this.sent = sent;
    this.position = cause.position;
  }
}

/**
 * Sends several at once, and answers how many rows changed. When one is refused they are sent again one by one, so that
 * it can be told which: `SeedRefused`. The transaction is broken after that.
 */
export async function sendTogether(
  client: pg.ClientBase,
  together: Sent,
  each: () => readonly Sent[],
): Promise<number> {
  await client.query("savepoint tenantry_batch");
  try {
    const count = await send(client, together);
    await client.query("release savepoint tenantry_batch");
    return count;
  } catch (error) {
    if (databaseErrorCode(error) === undefined) throw error;
    await client.query("rollback to savepoint tenantry_batch");
    let count = 0;
    for (const one of each()) count += await sendOne(client, one);
    return count;
  }
}

export async function sendOne(client: pg.ClientBase, sent: Sent): Promise<number> {
  try {
    return await send(client, sent);
  } catch (error) {
    if (databaseErrorCode(error) === undefined) throw error;
    throw new SeedRefused(sent, error as Error);
  }
}

const changing = new Set(["INSERT", "UPDATE", "DELETE", "MERGE"]);

async function send(client: pg.ClientBase, { text, values }: Sent): Promise<number> {
  const results = (await client.query(text, values)) as unknown as pg.QueryResult | pg.QueryResult[];
  return [results]
    .flat()
    .reduce((count, { command, rowCount }) => count + (changing.has(command) ? (rowCount ?? 0) : 0), 0);
}
