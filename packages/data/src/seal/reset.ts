import type { Connection } from "../pools/connection.ts";
import { exchange } from "../wire/exchange.ts";
import type { PipedStatement } from "../wire/piped-query.ts";
import { type Seal, tokenFor } from "./session.ts";

export const discardAll: PipedStatement = { text: "discard all", values: [] };
export const enterText = "select tenantry.enter($1)";

/** Nobody's: the session has to be reset before it is used again. */
export const meddled = "";

/** No environment has this id, so that no row is seen. */
const nobodys = "00000000-0000-0000-0000-000000000000";

/**
 * Throws away what an environment has left in the session, as every connection is reset that passes to another one, only
 * before anybody needs it; and has the entry planned anew. Whatever goes wrong is thrown: the connection is of no more use
 * then. Given up after `deadlineMs`.
 */
export async function resetAhead(connection: Connection, seal: Seal, deadlineMs: number): Promise<void> {
  const session = connection.session!;
  session.environmentId = meddled;
  connection.statements.dropAll();
  const token = tokenFor(session, { ...seal, environmentId: nobodys });
  const prepared = connection.statements.find(enterText, { always: true });
  const stopWatching = connection.watch(deadlineMs, () => connection.abandon());
  try {
    const { error } = await exchange(connection, [discardAll], {
      text: enterText,
      values: [token],
      prepared,
    });
    if (error) throw error;
    await connection.ready();
  } finally {
    stopWatching();
  }
  session.environmentId = undefined;
}
