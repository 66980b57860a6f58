import pg from "pg";
import type { createEntrance } from "./environments.ts";
import type { PlannedStep } from "./planned.ts";
import type { Application } from "./run.ts";

const id = pg.escapeIdentifier;

type Entrance = ReturnType<typeof createEntrance>;

/** What is there, once for all, in the transaction that is open. */
export async function applyForm(run: Application, step: PlannedStep): Promise<void> {
  await becomeMaker(run, step, true);
  for (const statement of step.statements) await run.client.query(statement);
}

/** Whose the statements are, and where they look for names: the application's home, and where its extensions are. */
export async function becomeMaker(run: Application, step: PlannedStep, local: boolean): Promise<void> {
  const { client } = run;
  run.at = { statement: step.statement };
  const set = local ? "set local" : "set";
  await client.query(`${set} role ${step.as === "owner" ? id(run.owner) : "none"}`);
  const { rows } = await client.query<{ path: string }>(
    `select pg_catalog.concat_ws(', ', 'public', (
       select string_agg(distinct pg_catalog.quote_ident(n.nspname), ', ') from pg_catalog.pg_extension e
       join pg_catalog.pg_namespace n on n.oid = e.extnamespace where n.nspname not in ('public', 'pg_catalog'))) as path`,
  );
  await client.query(`${set} search_path = ${rows[0]!.path}`);
  await client.query(`${set} check_function_bodies = off`);
}

/** Statements about rows, in the transaction that is open, as the role that can only write rows. */
export async function inEnvironments(
  run: Application,
  entrance: Entrance,
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
