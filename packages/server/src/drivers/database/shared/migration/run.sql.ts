import pg from "pg";
import { type InstallationRoles, ledgerSchema } from "../../common/names.ts";
import type { Session } from "../../common/session.ts";

const id = pg.escapeIdentifier;

/** Lets a run of migrations reach what each environment counts by and begins with; never the seal's secret. */
export async function openToRun(
  inside: Session,
  { roles, owner }: { roles: InstallationRoles; owner: string },
): Promise<void> {
  const ledger = id(roles.ledger);
  await inside.change(`
    set role ${id(roles.seal)};
    grant select, insert, update, delete on tenantry.counter, tenantry.count, tenantry.seed to ${ledger};
    grant select on tenantry.admitted to ${ledger};
    grant usage on schema tenantry to ${ledger};
    reset role`);
  await inside.change(`
    create table if not exists ${ledgerSchema}.steps (
      ordinal int, step int, environment uuid, primary key (ordinal, step, environment));
    grant select, insert, delete on ${ledgerSchema}.steps to ${ledger}`);
  // The run hands it on, within its transaction, to whom rows are written as.
  if (inside.superuser) {
    await inside.change(`grant usage on language plpgsql to ${id(owner)} with grant option`);
  }
}

/** Whether the server has the function by which a table's owner takes away what was sampled of a column. */
export async function selectClearsStatistics(client: pg.ClientBase): Promise<boolean> {
  const { rows } = await client.query<{ clears: boolean }>(
    "select to_regprocedure('pg_catalog.pg_clear_attribute_stats(text, text, text, boolean)') is not null as clears",
  );
  return rows[0]!.clears;
}

/** Nobody else migrates the database, and no environment joins or leaves it, while the transaction lasts. */
export async function lockLedger(client: pg.ClientBase): Promise<void> {
  await client.query(`lock table ${ledgerSchema}.migrations in exclusive mode`);
}

/** Whoever joins or leaves waits for a migration, and a migration for him. */
export const lockAgainstMigrations = `lock table ${ledgerSchema}.migrations in row share mode`;

export async function isFinished(client: pg.ClientBase, ordinal: number): Promise<boolean> {
  const { rows } = await client.query(
    `select from ${ledgerSchema}.migrations where ordinal = $1 and finished_at is not null`,
    [ordinal],
  );
  return rows.length > 0;
}

export async function selectEnvironments(client: pg.ClientBase): Promise<string[]> {
  const { rows } = await client.query<{ environment: string }>(
    "select environment from tenantry.admitted order by environment",
  );
  return rows.map((row) => row.environment);
}

export async function replaceSeeds(client: pg.ClientBase, seeds: readonly string[]): Promise<void> {
  await client.query("delete from tenantry.seed");
  for (const [ordinal, statement] of seeds.entries()) {
    await client.query("insert into tenantry.seed values ($1, $2)", [ordinal, statement]);
  }
}

/** For what is done once for all environments. */
export const nobody = "00000000-0000-0000-0000-000000000000";

type At = { ordinal: number; step: number };

export async function isStepDone(client: pg.ClientBase, at: At, environment: string): Promise<boolean> {
  const { rows } = await client.query(
    `select from ${ledgerSchema}.steps where ordinal = $1 and step = $2 and environment = $3`,
    [at.ordinal, at.step, environment],
  );
  return rows.length > 0;
}

export async function insertStep(client: pg.ClientBase, at: At, environment: string): Promise<void> {
  await client.query(`insert into ${ledgerSchema}.steps values ($1, $2, $3)`, [
    at.ordinal,
    at.step,
    environment,
  ]);
}

export async function deleteSteps(client: pg.ClientBase, ordinal: number): Promise<void> {
  await client.query(`delete from ${ledgerSchema}.steps where ordinal = $1`, [ordinal]);
}

export async function selectEnvironmentsLeft(client: pg.ClientBase, at: At): Promise<string[]> {
  await client.query("set role none");
  const { rows } = await client.query<{ environment: string }>(
    `select a.environment from tenantry.admitted a where not exists (select from ${ledgerSchema}.steps s
       where s.ordinal = $1 and s.step = $2 and s.environment = a.environment) order by 1`,
    [at.ordinal, at.step],
  );
  await client.query("reset role");
  return rows.map((row) => row.environment);
}

export async function isAdmitted(client: pg.ClientBase, environment: string): Promise<boolean> {
  const { rows } = await client.query("select from tenantry.admitted where environment = $1", [environment]);
  return rows.length > 0;
}

/** Whether an index of that name can be used; undefined when there is none. */
export async function isIndexReady(client: pg.ClientBase, name: string): Promise<boolean | undefined> {
  const { rows } = await client.query<{ valid: boolean }>(
    "select indisvalid as valid from pg_catalog.pg_index where indexrelid = to_regclass($1)",
    [name],
  );
  return rows[0]?.valid;
}

/** A file that is under way step by step. */
export const selectUnfinished = `select name from ${ledgerSchema}.migrations where finished_at is null`;
