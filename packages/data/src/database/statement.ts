import type { DatabaseLevel } from "@tenantry/contract";
import pg from "pg";
import { DatabaseUnavailable, InvalidArgument } from "../errors.ts";
import { asUnavailable, type Connection, readyAgain } from "../pools/index.ts";
import { runCompleted } from "../seal/run-completed.ts";
import type { Entry } from "../seal/run-sealed.ts";
import { countedStatement } from "../seal/sequences.ts";
import type { Seal } from "../seal/session.ts";
import { sharedStatement } from "../seal/statements.ts";
import { sentValues } from "../wire/message.ts";
import type { RowForm } from "../wire/rows.ts";
import { runPlain, runUnnamed } from "../wire/run-plain.ts";
import { asKnown } from "./known-errors.ts";
import { schemaStatement } from "./schema-statement.ts";

export type QueryRows<Row> = { rows: Row[]; rowCount: number; command: string; fields: pg.FieldDef[] };

/** What a statement is run under. */
export type Scope = {
  signal: AbortSignal | undefined;
  /** When the server hasn't answered by then, not even with its own statement timeout, the line is cut. */
  deadlineMs: number;
  assertUsable: () => void;
  /** At the level `shared` alone. */
  seal: Seal | undefined;
  level?: DatabaseLevel | undefined;
  form?: RowForm | undefined;
};

/** Aborts when one of the two does. */
export function eitherSignal(first?: AbortSignal, second?: AbortSignal): AbortSignal | undefined {
  return first && second ? AbortSignal.any([first, second]) : (first ?? second);
}

const graceMs = 5_000;

/** An application's statement as it is sent: two levels hold tables under other names or keys than it knows. */
export function preparedText(scope: Scope, text: string): string {
  if (typeof text !== "string" || text === "")
    throw new InvalidArgument("A statement is a text that isn't empty.");
  if (scope.seal) return sharedStatement(countedStatement(text));
  return scope.level === "schema" ? schemaStatement(text) : text;
}

/** Runs one statement by itself, in its environment; the connection is ready for the next afterwards, or broken. */
export function runAlone<Row>(
  connection: Connection,
  scope: Scope,
  text: string,
  params: readonly unknown[],
): Promise<QueryRows<Row>> {
  return runStatement(connection, scope, preparedText(scope, text), params, "enter");
}

/**
 * Runs one statement; the connection is ready for the next afterwards, or broken. `entry` says what goes before it at the
 * level `shared`: nothing within a transaction.
 */
export async function runStatement<Row>(
  connection: Connection,
  scope: Scope,
  text: string,
  params: readonly unknown[],
  entry: Entry = "inside",
): Promise<QueryRows<Row>> {
  scope.assertUsable();
  try {
    const result = await interruptible(connection, scope, () => send(connection, scope, text, params, entry));
    return {
      rows: result.rows as Row[],
      rowCount: result.rowCount ?? 0,
      command: result.command,
      fields: result.fields,
    };
  } finally {
    if (!connection.isReady()) await readyAgain(connection);
  }
}

// The extended protocol even without values: it takes one statement only, so that no injected text adds another.
function send(
  connection: Connection,
  { seal, signal, form }: Scope,
  text: string,
  params: readonly unknown[],
  entry: Entry,
): Promise<pg.QueryResult> {
  const values = sentValues(params);
  if (seal) return runCompleted(connection, { seal, signal, entry }, { text, values, form });
  return entry === "enter"
    ? runPlain(connection, text, values, form)
    : runUnnamed(connection, text, values, form);
}

/**
 * Runs `work`, which waits for the server, so that signal and deadline end it: by cancelling on the server, and by
 * cutting the line when that doesn't help.
 */
export async function interruptible<Result>(
  connection: Connection,
  { signal, deadlineMs, level }: Scope,
  work: () => Promise<Result>,
): Promise<Result> {
  signal?.throwIfAborted();
  let interruption: Promise<void> | undefined;
  let grace: NodeJS.Timeout | undefined;
  const interrupt = (): void => {
    interruption ??= connection.cancel().catch(() => connection.abandon());
    grace ??= setTimeout(() => connection.abandon(), graceMs);
  };
  const stopWatching = connection.watch(deadlineMs, interrupt);
  signal?.addEventListener("abort", interrupt);
  try {
    return await work();
  } catch (error) {
    if (interruption && (connection.isBroken() || isCancellation(error))) {
      if (signal?.aborted) throw signal.reason;
      throw new DatabaseUnavailable("The database server didn't answer in time.", { cause: error });
    }
    throw asUnavailable(asKnown(error, level), "The connection to the database broke.");
  } finally {
    stopWatching();
    signal?.removeEventListener("abort", interrupt);
    // A cancellation under way must arrive before the next statement starts, or it would hit that one.
    await interruption;
    clearTimeout(grace);
  }
}

function isCancellation(error: unknown): boolean {
  return error instanceof pg.DatabaseError && error.code === "57014";
}

export const isInTransaction = (connection: Connection): boolean =>
  connection.client.getTransactionStatus() !== "I" && !connection.isBroken();

/** A lone statement may not leave a transaction open: the next one on this connection would fall into it. */
export async function refuseTransaction(connection: Connection, scope: Scope): Promise<void> {
  await runStatement(
    connection,
    { ...scope, signal: undefined, assertUsable: () => undefined },
    "rollback",
    [],
  );
  throw new InvalidArgument("A transaction is begun with transaction(), not with a statement.");
}
