import { applyFiles, applyMigrations, pendingOf } from "../common/apply-migrations.ts";
import { letIn } from "../common/databases.sql.ts";
import { connected, disconnect, inLane, type Lane, type LaneKind } from "../common/lane.ts";
import { selectLedger } from "../common/ledger.sql.ts";
import { asMigrator } from "../common/migrator.ts";
import { containerName, partsOfPlace, rolesOfSchema, schemaOfRole } from "../common/names.ts";
import type { DriverParts } from "../common/parts.ts";
import {
  grantMembership,
  reassignOwned,
  revokeMembership,
  selectTracesOfMigrator,
  terminateRole,
} from "../common/roles.sql.ts";
import type { LaneRequest, Migrate, PhysicalDatabase } from "../driver.ts";
import { asPublic } from "./as-public.ts";
import { createsExtension, installExtensions } from "./extensions.ts";
import { migrationPlace } from "./migration-place.ts";
import { plainHere } from "./plain.ts";
import { inTurn, withinSchema } from "./schemas.sql.ts";

/**
 * Implements `DatabaseDriver.inLane`: with the application's files, not with a difference of catalogs, which doesn't
 * tell a renamed column from a new one, nor knows what becomes of rows.
 */
export const inLaneOfSchemas = <Result>(
  parts: DriverParts,
  request: LaneRequest,
  work: (migrate: Migrate) => Promise<Result>,
): Promise<Result> => inLane(parts, schemas, request, work);

const schemaOf = ({ name }: PhysicalDatabase): string => partsOfPlace(name).schema;
const ownerOf = (database: PhysicalDatabase): string => rolesOfSchema(schemaOf(database)).owner;

const schemas: LaneKind = {
  level: "schema",
  lockOf: schemaOfRole,
  nameOf: schemaOf,
  open: ({ session, request, login }) => letIn(session, containerName(request.schema.appId), login),
  async admit({ session, login }, database) {
    await session.change(grantMembership(session, ownerOf(database), login, { inherit: false, set: true }));
  },
  dismiss,
  apply,
};

/** What a file left in the login's own name falls to the schema's owner while it is known whose it is. */
async function dismiss(lane: Lane, database: PhysicalDatabase): Promise<void> {
  const { session, login } = lane;
  const { holding } = await selectTracesOfMigrator(session, login);
  if (holding.length > 0) {
    await disconnect(lane);
    await terminateRole(session, login);
    for (const name of holding)
      await session.inDatabase(name, (inside) => reassignOwned(inside, login, ownerOf(database)));
    // Its right to connect went with what it owned.
    await schemas.open(lane);
  }
  await revokeMembership(session, ownerOf(database), login);
}

/** Files that don't depend on what the schema is called run side by side; the others wait for their turn. */
async function apply(lane: Lane, database: PhysicalDatabase): Promise<number> {
  const { migrations } = lane.request.schema;
  const { container, schema } = partsOfPlace(database.name);
  const run = await connected(lane, { database: container, settings: { search_path: "pg_catalog" } });
  const files = pendingOf(await selectLedger(run.client, schema), migrations);
  const plain = await plainHere(run.client, schema, files);
  if (!plain) return applyInTurn(lane, database);
  const prologue = withinSchema(schema, ownerOf(database));
  const applied = await applyFiles({ ...run, ledger: schema, prologue }, plain);
  await run.client.query("discard all");
  return applied;
}

/** The files of two schemas of one container come after each other where both are called `public` for that time. */
async function applyInTurn(lane: Lane, database: PhysicalDatabase): Promise<number> {
  const { parts, request, session } = lane;
  const { migrations } = request.schema;
  const { container, schema } = partsOfPlace(database.name);
  const place = migrationPlace(container, schema);
  return asMigrator(session, { ...parts, ...request, ...place }, (run) =>
    inTurn(session, container, async () => {
      if (migrations.some(createsExtension))
        await session.inDatabase(container, (inside) => installExtensions(inside, migrations));
      return applyMigrations({ ...run, ledger: place.ledger, wrap: asPublic(schema) }, migrations);
    }),
  );
}
