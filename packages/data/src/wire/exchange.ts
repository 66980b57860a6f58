import type pg from "pg";
import type { Connection } from "../pools/connection.ts";
import { type Outcome, type PipedStatement, sendPiped } from "./piped-query.ts";
import type { PreparedStatements } from "./prepared.ts";

/**
 * Sends statements as one message, and keeps account of what stands prepared on the connection afterwards. Resolves with
 * what came of it, errors included.
 */
export function exchange(
  { client, replies, statements }: Pick<Connection, "client" | "replies" | "statements">,
  before: readonly PipedStatement[],
  main: PipedStatement,
): Promise<Outcome> {
  return new Promise((resolve) => {
    sendPiped({ client, replies }, { close: statements.takeObsolete(), before, main }, (outcome) => {
      for (const [index, statement] of before.entries()) settle(statements, statement, index, outcome);
      settle(statements, main, before.length, outcome);
      resolve(outcome);
    });
  });
}

/** What is known now of a statement that was the `index`th of its message. */
function settle(
  statements: PreparedStatements,
  { text, prepared }: PipedStatement,
  index: number,
  { completed, error }: Outcome,
): void {
  if (!prepared) return;
  if (!error || index < completed) {
    if (!prepared.standing) statements.keep(text, prepared.name);
  } else if (!prepared.standing || (index === completed && isOutdated(error))) {
    statements.drop(text, prepared.name);
  }
}

/**
 * A prepared statement isn't what it was: deallocated or put in its place by another statement, or a migration has
 * changed what it answers. The server found that out before it ran anything of it.
 */
export function isOutdated({ code, routine }: pg.DatabaseError): boolean {
  if (code === "26000" || code === "42P05") return true;
  // These codes stand for much else, and texts are in the server's language.
  return routine === "RevalidateCachedQuery" || (code === "08P01" && routine === "exec_bind_message");
}
