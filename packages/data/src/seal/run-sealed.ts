import pg from "pg";
import { DatabaseUnavailable } from "../errors.ts";
import type { Connection } from "../pools/index.ts";
import { PipedQuery, type PipedStatement } from "./piped-query.ts";
import { forgetSession, newToken, type Seal, type SealedSession, tokenFor } from "./session.ts";

/**
 * What goes before a statement in its message: the environment's entry, for one by itself; for the one that begins a
 * transaction, the entry comes after it; inside a transaction, nothing.
 */
export type Entry = "enter" | "begin" | "inside";

/** What an earlier environment left in the session couldn't be thrown away. Nothing was run; the connection is closed. */
export class SessionNotReset extends DatabaseUnavailable {
  constructor(options: { cause: unknown }) {
    super("A database connection couldn't be made ready for this environment.", options);
  }
}

type Statement = { text: string; values: readonly unknown[] };
type Sealed = { seal: Seal; signal: AbortSignal | undefined; entry: Entry };

/**
 * Runs a statement in its environment, in one message and one round trip. A connection that another environment has used
 * is reset in the same message: when an error keeps DISCARD ALL from being done, the server passes over the rest.
 */
export async function runSealed(
  connection: Connection,
  sealed: Sealed,
  statement: Statement,
): Promise<pg.QueryResult> {
  const session = connection.session!;
  for (let again = true; ; again = false) {
    const { reset, before, main } = messageOf(session, sealed, statement);
    const { completed, error, result } = await sendPiped(connection.client, before, main);
    if (reset && completed > 0) forgetSession(session, sealed.seal.environmentId);
    session.environmentId ??= sealed.seal.environmentId;
    if (completed === before.length && before.at(-1)?.name === enterName) session.prepared = true;
    if (!error) return result;
    if (error.code === "TN002") session.renewTokenAt = 0;
    // Only the server's own word counts: when the line broke, the statement may have been run.
    if (reset && completed === 0 && error instanceof pg.DatabaseError) {
      await connection.close();
      throw new SessionNotReset({ cause: error });
    }
    if (!again || completed === before.length || sealed.signal?.aborted) throw error;
    if (meddledCodes.has(error.code ?? "")) session.environmentId = meddled;
    else if (!reset || completed > 1 || error.code !== "57014") throw error;
  }
}

const discardAll: PipedStatement = { text: "discard all", values: [] };
const enterText = "select tenantry.enter($1)";
const enterName = "tenantry_enter";

/** Nobody's: the session has to be reset before it is used again. */
const meddled = "";

/**
 * A statement of the environment's own took the prepared one away, or put another in its place. And the code of a
 * timeout: one that an earlier environment set may have run out in DISCARD ALL, and only hits what comes next.
 */
const meddledCodes = new Set(["26000", "42P05"]);

function messageOf(
  session: SealedSession,
  { seal, entry }: Sealed,
  statement: Statement,
): { reset: boolean; before: PipedStatement[]; main: Statement } {
  if (entry === "inside") return { reset: false, before: [], main: statement };
  const reset = session.environmentId !== undefined && session.environmentId !== seal.environmentId;
  const token = reset ? newToken(session, seal) : tokenFor(session, seal);
  const first = reset ? [discardAll] : [];
  if (entry === "begin") {
    const begin = { text: statement.text, values: [] };
    return { reset, before: [...first, begin], main: { text: enterText, values: [token] } };
  }
  const prepared = session.prepared && !reset;
  const enter = { name: enterName, prepared, text: enterText, values: [token] };
  return { reset, before: [...first, enter], main: statement };
}

type Outcome = { completed: number } & (
  | { error: pg.DatabaseError; result?: undefined }
  | { error?: undefined; result: pg.QueryResult }
);

function sendPiped(
  client: pg.Client,
  before: readonly PipedStatement[],
  statement: Statement,
): Promise<Outcome> {
  return new Promise((resolve) => {
    const piped = new PipedQuery(before, statement, (error, result) => {
      const completed = piped.completedBefore;
      resolve(error ? { completed, error: error as pg.DatabaseError } : { completed, result });
    });
    client.query(piped as unknown as pg.Submittable);
  });
}
