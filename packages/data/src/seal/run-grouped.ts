import type pg from "pg";
import type { Connection } from "../pools/index.ts";
import { groupingOf } from "./grouping.ts";
import { runSealed, type Sealed, type Statement } from "./run-sealed.ts";

const mark = "tenantry_grouping";

/**
 * Runs a statement in its environment, with what its GROUP BY lacks here. Within a transaction the first one of a text is
 * run behind a savepoint, since PostgreSQL's refusal would end the transaction.
 */
export async function runGrouped(
  connection: Connection,
  sealed: Sealed,
  statement: Statement,
): Promise<pg.QueryResult> {
  const grouping = groupingOf(sealed.seal.databaseId, statement.text);
  if (!grouping) return runSealed(connection, sealed, statement);
  const inside = sealed.entry === "inside";
  const marked = inside && grouping.doubtful && connection.client.getTransactionStatus() === "T";
  if (marked) await connection.client.query(`savepoint ${mark}`);
  for (let text: string | undefined = grouping.text; ; ) {
    try {
      const result = await runSealed(connection, sealed, { ...statement, text });
      grouping.taken();
      if (marked) await connection.client.query(`release savepoint ${mark}`);
      return result;
    } catch (error) {
      text = marked || !inside ? grouping.again(error) : undefined;
      if (text === undefined) throw error;
      if (marked) await connection.client.query(`rollback to savepoint ${mark}`);
    }
  }
}
