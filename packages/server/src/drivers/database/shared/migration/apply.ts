import { setTimeout as pause } from "node:timers/promises";
import pg from "pg";
import { databaseErrorCode } from "../../../../infra/db/index.ts";
import { failure, showId, TenantryError } from "../../../../kernel/index.ts";
import { explain, type MigratorRun } from "../../common/apply-migrations.ts";
import { reference } from "../../common/emit/quote.ts";
import { insertLedger, onlyLedger } from "../../common/ledger.sql.ts";
import { selectConstraintProblems, selectRelationProblems } from "../../common/seal/verify-tables.sql.ts";
import type { Statement } from "../../common/split-statements.ts";
import { createEntrance, type SealKey } from "./environments.ts";
import type { PlannedFile, PlannedStep } from "./planned.ts";
import { isFinished, lockLedger, replaceSeeds, selectEnvironments } from "./run.sql.ts";

const id = pg.escapeIdentifier;

export type Application = MigratorRun & {
  seal: SealKey;
  owner: string;
  writer: string;
  /** The statement that is being worked on, for telling where something went wrong. */
  at: { statement: Statement; environment?: string | undefined };
  progress(done: number, all: number): Promise<void>;
};

/**
 * Brings the database over one file, for all environments or for none: what it makes is sealed when it appears, and a
 * failure leaves everything as it was. Nothing happens when the ledger says that it was done.
 */
export async function applyPlanned(run: Application, planned: PlannedFile): Promise<boolean> {
  const { client, limits } = run;
  let timedOut = false;
  const deadline = setTimeout(() => {
    timedOut = true;
    void run.terminate().catch(() => client.end());
  }, limits.fileTimeoutMs);
  run.at = { statement: planned.file.statements[0] ?? { text: "", offset: 0 } };
  try {
    if (!(await beginWithLocks(run, planned))) return false;
    const environments = await selectEnvironments(client);
    await applySteps(run, planned.steps, environments);
    await finish(run, planned);
    await client.query("discard all");
    return true;
  } catch (error) {
    run.context.signal.throwIfAborted();
    if (error instanceof TenantryError) throw error;
    throw explainHere(run, planned, error, timedOut);
  } finally {
    clearTimeout(deadline);
  }
}

const attemptMs = 250;

/**
 * A transaction that has all its locks. Whoever waits for one keeps everybody behind him waiting, so it is tried for a
 * moment at a time, until the limit is up. False when the file was applied already.
 */
async function beginWithLocks(run: Application, { file, locks }: PlannedFile): Promise<boolean> {
  const { client, limits } = run;
  const until = performance.now() + limits.lockTimeoutMs;
  for (let wait = 20; ; wait = Math.min(wait * 2, 1_000)) {
    await client.query("begin");
    await client.query("set local role none");
    try {
      await client.query(`set local lock_timeout = ${Math.min(attemptMs, limits.lockTimeoutMs)}`);
      await lockLedger(client);
      if (await isFinished(client, file.migration.ordinal)) {
        await client.query("rollback");
        return false;
      }
      for (const [mode, tables] of Object.entries({
        "access exclusive": locks.exclusive,
        share: locks.share,
      })) {
        const names = tables.map((table) => reference(table));
        if (names.length === 0) continue;
        await client.query(`set local search_path = public; lock table ${names.join(", ")} in ${mode} mode`);
      }
      await client.query(`set local lock_timeout = ${limits.lockTimeoutMs}`);
      return true;
    } catch (error) {
      if (databaseErrorCode(error) !== "55P03" || performance.now() + wait > until) throw error;
      await client.query("rollback");
      await pause(wait, undefined, { signal: run.context.signal });
    }
  }
}

async function applySteps(
  run: Application,
  steps: readonly PlannedStep[],
  environments: readonly string[],
): Promise<void> {
  const entrance = createEntrance(run.client, run.seal);
  let entered = false;
  for (const group of grouped(steps)) {
    if (group[0]!.as === "environment") {
      await inEnvironments(run, entrance, group, environments);
      entered ||= environments.length > 0;
      continue;
    }
    if (entered) await entrance.leave();
    entered = false;
    for (const step of group) await applyForm(run, step);
  }
}

/** Steps that follow each other and are all about rows need each environment entered once only. */
function grouped(steps: readonly PlannedStep[]): PlannedStep[][] {
  const groups: PlannedStep[][] = [];
  for (const step of steps) {
    const last = groups.at(-1);
    if (last && last[0]!.as === step.as) last.push(step);
    else groups.push([step]);
  }
  return groups;
}

async function applyForm(run: Application, step: PlannedStep): Promise<void> {
  const { client } = run;
  run.at = { statement: step.statement };
  await client.query(`set local role ${step.as === "owner" ? id(run.owner) : "none"}`);
  await client.query(`set local search_path = ${await pathOfForm(client)}`);
  await client.query("set local check_function_bodies = off");
  for (const statement of step.statements) await client.query(statement);
}

/** As it was when things were made: the application's home, and where its extensions are. */
async function pathOfForm(client: pg.Client): Promise<string> {
  const { rows } = await client.query<{ path: string }>(
    `select concat_ws(', ', 'public', (select string_agg(distinct quote_ident(n.nspname), ', ') from pg_catalog.pg_extension e
       join pg_catalog.pg_namespace n on n.oid = e.extnamespace where n.nspname not in ('public', 'pg_catalog'))) as path`,
  );
  return rows[0]!.path;
}

async function inEnvironments(
  run: Application,
  entrance: ReturnType<typeof createEntrance>,
  steps: readonly PlannedStep[],
  environments: readonly string[],
): Promise<void> {
  const { client } = run;
  const blocks = steps.some(({ block }) => block);
  await client.query("set local role none");
  if (blocks) await client.query(`grant usage on language plpgsql to ${id(run.writer)}`);
  await client.query(`set local role ${id(run.writer)}`);
  for (const [index, environment] of environments.entries()) {
    run.context.signal.throwIfAborted();
    await entrance.enter(environment);
    for (const { statement, statements, settings } of steps) {
      run.at = { statement, environment };
      await client.query(settingsOf(settings));
      for (const text of statements) await client.query(text);
    }
    // What is put off to the transaction's end would be looked at in another environment.
    await client.query("set constraints all immediate; set constraints all deferred");
    if (index % 50 === 49) {
      await run.context.assertLease();
      await run.progress(index + 1, environments.length);
    }
  }
  await client.query("set local role none");
  if (blocks) await client.query(`revoke usage on language plpgsql from ${id(run.writer)}`);
}

/** What the file has set by then; a path is a list of names, which can't be quoted as a whole. */
function settingsOf(settings: PlannedStep["settings"]): string {
  const said = settings.map(({ name, value }) => {
    const quoted = name === "search_path" && value !== "" ? value : pg.escapeLiteral(value);
    return `set local ${name.split(".").map(id).join(".")} to ${quoted}`;
  });
  return ["set local search_path to default", ...said].join("; ");
}

async function finish(run: Application, { file, seeds, beginnings }: PlannedFile): Promise<void> {
  const { client } = run;
  await client.query("set local role none; set local search_path = pg_catalog");
  for (const statement of beginnings) await client.query(statement);
  if (seeds) await replaceSeeds(client, seeds);
  await insertLedger(client, onlyLedger, file.migration, true);
  const problems = [...(await selectRelationProblems(client)), ...(await selectConstraintProblems(client))];
  if (problems.length > 0) {
    throw failure("isolation_unavailable", {
      detail: `${file.migration.name} would break the seal of the shared database: ${problems.join(" ")}`,
    });
  }
  await run.context.assertLease();
  await client.query("commit");
}

function explainHere(run: Application, { file }: PlannedFile, error: unknown, timedOut: boolean): unknown {
  const { statement, environment } = run.at;
  if (error instanceof pg.DatabaseError) {
    // It counts in what was made of the statement.
    error.position = undefined;
    if (environment !== undefined) error.message += ` (in ${showId("env", environment)})`;
  }
  return explain(run, file, statement, error, timedOut);
}
