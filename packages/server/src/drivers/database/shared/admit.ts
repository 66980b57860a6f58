import { failure } from "../../../kernel/index.ts";
import type { DriverParts } from "../common/parts.ts";
import { withSession } from "../common/session.ts";
import type { DriverContext, SharedPlace } from "../driver.ts";
import { entered } from "./entered.ts";
import { insertAdmitted, selectSeeds } from "./environments.sql.ts";
import { selectUnfinished } from "./migration/run.sql.ts";

/** Implements `Sharing.admit`: all of the first rows, and the note that they are there, or nothing. */
export async function admit(parts: DriverParts, context: DriverContext, place: SharedPlace): Promise<void> {
  const { server, database, environmentId } = place;
  const lock = `${database.name}/${environmentId}`;
  await withSession(parts.connect, context, server, lock, (session) =>
    session.inDatabase(database.name, async (inside) => {
      let seeds: Awaited<ReturnType<typeof selectSeeds>>;
      await entered(
        inside,
        place,
        async () => {
          await inside.change(`set local search_path = ${seeds!.path}`);
          for (const statement of seeds!.statements) await inside.change(statement);
          await insertAdmitted(inside, environmentId, parts.roles);
        },
        async () => {
          // What a migration has them begin with is told only once that is through.
          seeds = await selectSeeds(inside, environmentId);
          if (!seeds) return false;
          const [unfinished] = await inside.read<{ name: string }>(selectUnfinished);
          if (unfinished) throw beingMigrated(unfinished.name);
          return true;
        },
      );
    }),
  );
}

const beingMigrated = (name: string): Error =>
  failure("unavailable", {
    detail: `The shared database is being migrated by ${name}, which goes on from where it stands.`,
    remedy: "Try again when the migration is through: run `tenantry migrate` if it was given up.",
  });
