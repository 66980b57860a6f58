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
  // The run hands it on, within its transaction, to whom rows are written as.
  if (inside.superuser) {
    await inside.change(`grant usage on language plpgsql to ${id(owner)} with grant option`);
  }
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
