import { databaseErrorCode } from "../../../infra/db/index.ts";
import { failure } from "../../../kernel/index.ts";
import type { DriverParts } from "../common/parts.ts";
import { type Session, withSession } from "../common/session.ts";
import type { DriverContext, SharedPlace } from "../driver.ts";
import { asEnvironment } from "./as-environment.ts";
import { createAdmission, insertAdmitted, selectBeginning } from "./environments.sql.ts";
import { lockAgainstMigrations, selectUnfinished } from "./migration/run.sql.ts";

/** Implements `Sharing.admit`: all of the first rows, and the note that they are there, or nothing. */
export async function admit(parts: DriverParts, context: DriverContext, place: SharedPlace): Promise<void> {
  const { server, database, environmentId } = place;
  const lock = `${database.name}/${environmentId}`;
  await withSession(parts.connect, context, server, lock, (session) => {
    const greet = async (inside: Session): Promise<void> => {
      const beginning = await selectBeginning(inside, environmentId);
      if (beginning.admitted) return;
      if (beginning.seeds.length === 0 && (await noteAlone(parts, inside, environmentId))) return;
      await createAdmission(inside, parts.roles);
      await asEnvironment(parts, session, context, place, async (client) => {
        await client.query("begin");
        const { rows } = await client.query<{ admitted: boolean }>("select tenantry.admit() as admitted");
        if (!rows[0]!.admitted) return;
        // What a migration has them begin with is told only once that is through: from here on, none is under way.
        const { path, seeds } = await selectBeginning(inside, environmentId);
        await refuseUnfinished(inside);
        await client.query(`set local search_path = ${path}`);
        for (const statement of seeds) await client.query(statement).catch(explainRefusedSeed);
        await context.assertLease();
        await client.query("commit");
      });
    };
    return session.inDatabase(database.name, greet, { stays: true });
  });
}

/** Where there are no first rows, nothing of the application's runs. False when a migration has brought some meanwhile. */
async function noteAlone(parts: DriverParts, inside: Session, environmentId: string): Promise<boolean> {
  await inside.change("begin");
  await inside.change(lockAgainstMigrations);
  const { admitted, seeds } = await selectBeginning(inside, environmentId);
  await refuseUnfinished(inside);
  if (!admitted && seeds.length === 0) await insertAdmitted(inside, environmentId, parts.roles);
  await inside.change("commit");
  return seeds.length === 0;
}

async function refuseUnfinished(inside: Session): Promise<void> {
  const [unfinished] = await inside.read<{ name: string }>(selectUnfinished);
  if (!unfinished) return;
  throw failure("unavailable", {
    detail: `The shared database is being migrated by ${unfinished.name}, which goes on from where it stands.`,
    remedy: "Try again when the migration is through: run `tenantry migrate` if it was given up.",
  });
}

function explainRefusedSeed(error: unknown): never {
  if (databaseErrorCode(error) !== "42501") throw error;
  throw failure(
    "isolation_unavailable",
    {
      detail: `The rows that the migrations insert can't be given to a new environment: ${(error as Error).message}.`,
      remedy:
        "Let the table's own policies allow them without any setting, insert them by the application, or choose another level.",
    },
    { cause: error },
  );
}
