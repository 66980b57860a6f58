import pg from "pg";
import { DatabaseUnavailable } from "../errors.ts";
import type { Connection } from "../pools/index.ts";
import { exchange, isOutdated } from "../wire/exchange.ts";
import type { SentValue } from "../wire/message.ts";
import type { PipedStatement } from "../wire/piped-query.ts";
import type { RowForm } from "../wire/rows.ts";
import { discardAll, enterText, meddled } from "./reset.ts";
import { type Seal, type SealedSession, tokenFor } from "./session.ts";

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

export type Statement = { text: string; values: readonly SentValue[]; form?: RowForm | undefined };
export type Sealed = { seal: Seal; signal: AbortSignal | undefined; entry: Entry };

/** So often may what stands prepared turn out to be gone, before the error is told. */
const attempts = 3;

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
  for (let attempt = 1; ; attempt += 1) {
    const { reset, before, main } = messageOf(connection, sealed, statement);
    const { completed, error, result } = await exchange(connection, before, main);
    if (reset && completed > 0) session.environmentId = sealed.seal.environmentId;
    session.environmentId ??= sealed.seal.environmentId;
    if (!error) return result;
    if (error.code === "TN002") session.tokens.delete(sealed.seal.environmentId);
    // Only the server's own word counts: when the line broke, the statement may have been run.
    if (reset && completed === 0 && error instanceof pg.DatabaseError) {
      await connection.close();
      throw new SessionNotReset({ cause: error });
    }
    if (attempt === attempts || sealed.signal?.aborted) throw error;
    const failed = before[completed] ?? main;
    const rightAfterReset = reset && completed === 1;
    if (!(await worthAnother(connection, sealed.entry, { failed, error, rightAfterReset }))) throw error;
  }
}

/** What an earlier version of the entry says that waited while the type it fills changed. */
const cannotCoerce = "42846";

/** Whether nothing was run, for a reason that is gone now. Within a transaction it is its owner's to begin anew. */
async function worthAnother(
  { client, session }: Connection,
  entry: Entry,
  {
    failed,
    error,
    rightAfterReset,
  }: { failed: PipedStatement; error: pg.DatabaseError; rightAfterReset: boolean },
): Promise<boolean> {
  if (entry === "inside") return false;
  if (failed.text === enterText && (error.code === "TN002" || error.code === cannotCoerce)) {
    // The token was too old, or the seal has just been brought up to date. Another one was made by now.
    if (entry === "begin") await client.query("rollback");
    return true;
  }
  // A timeout that an earlier environment set may have run out in DISCARD ALL, and only hits what comes next.
  if (!failed.prepared || !isOutdated(error)) return rightAfterReset && error.code === "57014";
  // A statement of the environment's own took the prepared one away that enters, or put another in its place.
  if (failed.text === enterText) session!.environmentId = meddled;
  if (entry === "begin") await client.query("rollback");
  return true;
}

function messageOf(
  { session, statements }: Connection,
  { seal, entry }: Sealed,
  { text, values, form }: Statement,
): { reset: boolean; before: PipedStatement[]; main: PipedStatement } {
  const hot = seal.pooled ? undefined : statements;
  if (entry === "inside") {
    const prepared = keepsItsColumns(text) ? hot?.find(text) : undefined;
    return { reset: false, before: [], main: { text, values, prepared, form } };
  }
  const reset = needsReset(session!, seal);
  if (reset) statements.dropAll();
  const token = tokenFor(session!, seal);
  const first = reset ? [discardAll] : [];
  const enter = { text: enterText, values: [token], prepared: hot?.find(enterText, { always: true }) };
  if (entry === "begin") return { reset, before: [...first, { text, values }], main: enter };
  return { reset, before: [...first, enter], main: { text, values, prepared: hot?.find(text), form } };
}

/** Behind a pooler each message may meet another backend, and nobody knows whose it was. */
function needsReset(session: SealedSession, seal: Seal): boolean {
  if (seal.pooled) return true;
  return session.environmentId !== undefined && session.environmentId !== seal.environmentId;
}

/**
 * A migration that adds a column changes what `*` means. A lone statement is then prepared anew; one in a transaction
 * has broken it by the time we know.
 */
const keepsItsColumns = (text: string): boolean => !text.replaceAll("(*)", "").includes("*");
