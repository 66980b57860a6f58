import type { LaneRequest, Migrate, PhysicalDatabase } from "../driver.ts";
import { applyMigrations } from "./apply-migrations.ts";
import { openToMigrator, takeFromMigrator } from "./databases.sql.ts";
import { connected, disconnect, inLane, type Lane, type LaneKind } from "./lane.ts";
import { onlyLedger } from "./ledger.sql.ts";
import { databaseOfRole, ownerName } from "./names.ts";
import { observeFiles } from "./observe-files.ts";
import type { DriverParts } from "./parts.ts";
import { grantMembership } from "./roles.sql.ts";

/** Implements `DatabaseDriver.inLane` where an environment has a database of its own. */
export const inLaneOfDatabases = <Result>(
  parts: DriverParts,
  request: LaneRequest,
  work: (migrate: Migrate) => Promise<Result>,
): Promise<Result> => inLane(parts, ownDatabases, request, work);

const ownerOf = (lane: Lane): string => ownerName(lane.request.schema.appId);
const rolesOf = (lane: Lane) => ({ migrator: lane.login, owner: ownerOf(lane) });

const ownDatabases: LaneKind = {
  level: "database",
  lockOf: databaseOfRole,
  nameOf: ({ name }) => name,
  async open(lane) {
    const { session, login } = lane;
    await session.change(grantMembership(session, ownerOf(lane), login, { inherit: false, set: true }));
  },
  admit: (lane, { name }) => openToMigrator(lane.session, name, rolesOf(lane)),
  dismiss: (lane, { name }) => takeFromMigrator(lane.session, name, rolesOf(lane)),
  apply,
};

async function apply(lane: Lane, { name }: PhysicalDatabase): Promise<number> {
  const run = await connected(lane, { database: name, settings: { role: ownerOf(lane) } });
  const { schema, onFile } = lane.request;
  const observe = onFile && observeFiles(onFile);
  const applied = await applyMigrations({ ...run, ledger: onlyLedger, observe }, schema.migrations);
  await disconnect(lane);
  return applied;
}
