import type pg from "pg";
import { databaseErrorCode } from "../../../infra/db/index.ts";
import { failure, hasCode } from "../../../kernel/index.ts";
import type {
  AppMigration,
  DatabaseServer,
  DriverContext,
  LoginPlace,
  PostgresDriver,
  Script,
} from "../driver.ts";
import { errorOffset, migrationFailed, readMigration } from "./migration-file.ts";
import { asOwnLogin, type BeforeCommit, commitNoted } from "./own-login.ts";
import { reading } from "./reading.ts";
import { openClient } from "./session.ts";
import type { Statement } from "./split-statements.ts";

export type ScriptRun = {
  driver: PostgresDriver;
  place: LoginPlace;
  /** Names the login: the same at a repetition, and never for anything else. */
  loginId: string;
  script: Script;
  /** Everything is taken back at the end. */
  dryRun: boolean;
  beforeCommit: BeforeCommit;
};

/**
 * Runs a script on one environment: in one transaction, as a login that is made for it, reaches that environment alone
 * and reads and writes rows, no more. Not repeatable: ask `transactionOutcome` before. Throws `script_failed` with line
 * and column, and then nothing of it stays.
 */
export async function runScript(context: DriverContext, run: ScriptRun): Promise<{ rowsChanged: number }> {
  const { statements } = readScript(run.script);
  const { place, loginId, driver } = run;
  return asOwnLogin(
    context,
    { place, loginId, logins: driver.logins },
    {
      work: (client) => inTransaction(context, client, run, statements),
      remove: () => removeLogin(context, run),
    },
  );
}

/** Ends what a run may have left: its login, with its connections. Repeatable. */
export async function removeLogin(
  context: DriverContext,
  { driver, place, loginId }: Pick<ScriptRun, "driver" | "place" | "loginId">,
): Promise<void> {
  const thing = { kind: "role" as const, name: driver.logins.nameOf(loginId) };
  await driver.remove(context, { server: place.server, thing });
}

/** What became of a transaction on a server, once nobody can commit it any more. */
export async function transactionOutcome(
  server: DatabaseServer,
  transactionId: string,
): Promise<"committed" | "aborted"> {
  const status = await reading(openClient, server.url, async (client) => {
    const { rows } = await client.query<{ status: string | null }>(
      "select pg_xact_status($1::text::xid8) as status",
      [transactionId],
    );
    return rows[0]!.status;
  });
  return status === "committed" ? "committed" : "aborted";
}

/** Its statements, before any of them runs. Throws `script_failed` for what can't work in one transaction. */
export function readScript(script: Script): { statements: readonly Statement[] } {
  const { statements, transactional } = asScript(() => readMigration(asFile(script)));
  if (!transactional)
    throw failure("script_failed", {
      detail: `${script.name}: a script runs in one transaction, and can't do without.`,
      remedy: "Take out the line -- tenantry: no-transaction.",
    });
  return { statements };
}

export const asFile = ({ name, sql }: Script): AppMigration => ({ ordinal: 1, name, sql, checksum: "" });

function asScript<Result>(work: () => Result): Result {
  try {
    return work();
  } catch (error) {
    throw scriptFailed(error);
  }
}

export function scriptFailed(error: unknown): unknown {
  if (!hasCode(error, "migration_failed")) return error;
  const { detail, extra } = error.details;
  const remedy = "Mend the script, and run it again: nothing of it stays where it failed.";
  return failure("script_failed", { detail, extra, remedy }, { cause: error });
}

const changing = new Set(["INSERT", "UPDATE", "DELETE", "MERGE"]);

async function inTransaction(
  context: DriverContext,
  client: pg.Client,
  run: ScriptRun,
  statements: readonly Statement[],
): Promise<{ rowsChanged: number }> {
  let rowsChanged = 0;
  let running = statements[0] ?? { text: "", offset: 0 };
  try {
    await client.query("begin");
    for (running of statements) {
      const { command, rowCount } = await client.query(running.text);
      if (changing.has(command)) rowsChanged += rowCount ?? 0;
    }
    // What is checked at the end is checked while it can still be told where.
    await client.query("set constraints all immediate");
  } catch (error) {
    context.signal.throwIfAborted();
    if (databaseErrorCode(error) === undefined) throw error;
    const { message, position } = error as { message: string; position?: string };
    throw scriptFailed(
      migrationFailed(asFile(run.script), errorOffset(running, position), message, { cause: error }),
    );
  }
  if (run.dryRun) {
    await client.query("rollback");
    return { rowsChanged };
  }
  return commitNoted(context, client, { rowsChanged, beforeCommit: run.beforeCommit });
}
