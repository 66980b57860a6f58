import pg from "pg";
import type { Connection } from "../pools/connection.ts";
import { type Outcome, type PipedStatement, sendPiped } from "./piped-query.ts";

/** Sends statements as one message, and keeps account of what stands prepared on the connection afterwards. */
export async function exchange(
  { client, statements }: Pick<Connection, "client" | "statements">,
  before: readonly PipedStatement[],
  main: PipedStatement,
): Promise<Outcome> {
  const outcome = await sendPiped(client, { close: statements.takeObsolete(), before, main });
  const { completed, error } = outcome;
  for (const [index, { text, prepared }] of [...before, main].entries()) {
    if (!prepared) continue;
    const through = !error || index < completed;
    if (through) {
      if (!prepared.standing) statements.keep(text, prepared.name);
      continue;
    }
    // When a value can't be turned into text, pg closes the statement that it was for.
    const closed = !(error instanceof pg.DatabaseError);
    const doubtful = closed || !prepared.standing || (index === completed && isOutdated(error));
    if (doubtful) statements.drop(text, prepared.name);
  }
  return outcome;
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
