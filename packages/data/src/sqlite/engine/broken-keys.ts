import type { Connection, Statement } from "./connection.ts";
import type { SqliteValue } from "./protocol.ts";

/** Which foreign key was broken; of one that says RESTRICT no more is known than whose rows were to change. */
export type BrokenKey = { table: string; columns: string[]; onParent: boolean } | { restrictedBy: string };

/** SQLite's error, with what it doesn't say. */
export class KeyBroken extends Error {
  readonly code = "SQLITE_CONSTRAINT_FOREIGNKEY";

  constructor(key: BrokenKey | undefined, cause?: unknown) {
    super(`FOREIGN KEY constraint failed${key ? `: ${JSON.stringify(key)}` : ""}`, { cause });
  }
}

/** By its words: what RESTRICT refuses has a trigger's code. */
export const isBrokenKey = (error: unknown): boolean =>
  error instanceof Error && error.message.startsWith("FOREIGN KEY constraint failed");

/** The first row that points nowhere, if there is one: looks at all there are. */
export function findBrokenKey(connection: Connection, sql = ""): BrokenKey | undefined {
  const [row] = connection.prepare('select "table", fkid from pragma_foreign_key_check limit 1').all();
  if (!row) return undefined;
  const [table, id] = row;
  const columns = connection
    .prepare('select "from" from pragma_foreign_key_list(?) where id = ? order by seq')
    .all(table!, id!);
  const target = targetOf(sql);
  const onParent = target !== undefined && (target !== table || /^\s*delete\b/i.test(sql));
  return { table: String(table), columns: columns.map(([column]) => String(column)), onParent };
}

/** Larger files aren't looked through for the sake of a name: 16 MB in pages. */
const mostPages = 4_096;

/**
 * Does a statement again that broke a key, with keys looked at later, and takes it back: what points nowhere then is what it
 * broke.
 */
export function nameBrokenKey(
  connection: Connection,
  { sql, values }: { sql: string; values: readonly SqliteValue[] },
): BrokenKey | undefined {
  const [pages] = connection.prepare("pragma page_count").all();
  if (Number(pages![0]) > mostPages) return undefined;
  const within = connection.inTransaction;
  // What was broken before isn't its doing.
  if (within && findBrokenKey(connection)) return undefined;
  connection.exec(within ? "savepoint tenantry_look" : "begin immediate");
  try {
    connection.exec("pragma defer_foreign_keys = on");
    runOut(connection.prepare(sql), values);
    return findBrokenKey(connection, sql);
  } catch (error) {
    const target = targetOf(sql);
    return isBrokenKey(error) && target !== undefined ? { restrictedBy: target } : undefined;
  } finally {
    connection.exec(within ? "rollback to tenantry_look; release tenantry_look" : "rollback");
    connection.exec("pragma defer_foreign_keys = off");
  }
}

function runOut(statement: Statement, values: readonly SqliteValue[]): void {
  if (statement.reader) statement.all(...values);
  else statement.run(...values);
}

/** The table that a statement of ours changes. */
function targetOf(sql: string): string | undefined {
  const [, quoted] = /^\s*(?:insert into|update|delete from) "((?:[^"]|"")+)"/i.exec(sql) ?? [];
  return quoted?.replaceAll('""', '"');
}
