import type pg from "pg";
import type { Statement } from "./split-statements.ts";

/** A statement of a message, and the statement of the file that is to blame when it fails. */
export type Part = { text: string; of: Statement };

/** Where a message stopped; `position` as PostgreSQL counts, from the beginning of that statement. */
export type Stopped = { statement: Statement; position?: string; error: unknown };

const separator = "\n;\n";

/**
 * Sends statements as one message, which PostgreSQL carries out up to the first that fails: one round trip for a whole
 * file, and nothing of it goes on after an error. Answers where it stopped; undefined when all is done.
 */
export async function sendAtOnce(client: pg.Client, parts: readonly Part[]): Promise<Stopped | undefined> {
  let completed = 0;
  const count = () => {
    completed += 1;
  };
  const { connection } = client as unknown as { connection: NodeJS.EventEmitter };
  connection.on("commandComplete", count);
  try {
    await client.query(parts.map(({ text }) => text).join(separator));
    return undefined;
  } catch (error) {
    return stoppedAt(parts, completed, error);
  } finally {
    connection.off("commandComplete", count);
  }
}

/** By the place that PostgreSQL tells, since it reads them all before the first one runs; else by how many were done. */
function stoppedAt(parts: readonly Part[], completed: number, error: unknown): Stopped {
  let position = Number((error as pg.DatabaseError).position);
  for (const { text, of } of position >= 1 ? parts : []) {
    const characters = [...text].length;
    if (position <= characters + separator.length) {
      return { statement: of, position: String(Math.min(position, characters + 1)), error };
    }
    position -= characters + separator.length;
  }
  return { statement: parts[Math.min(completed, parts.length - 1)]!.of, error };
}
