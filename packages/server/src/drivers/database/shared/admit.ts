import type { DriverParts } from "../common/parts.ts";
import { withSession } from "../common/session.ts";
import type { DriverContext, SharedPlace } from "../driver.ts";
import { entered } from "./entered.ts";
import { insertAdmitted, selectSeeds } from "./environments.sql.ts";

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
          return seeds !== undefined;
        },
      );
    }),
  );
}
