import type { Db } from "../../infra/db/index.ts";
import { showId } from "../../kernel/index.ts";
import type { Credentials } from "../credentials/index.ts";
import { inTurn, type Placements, type RowsMoved } from "../placements/index.ts";
import { findApp } from "../releases/index.ts";
import { type Carrier, type Context, type Moved, resultOf } from "./carrier.ts";
import { requireFit, requireSize } from "./fit.ts";

export type DatabaseCarrierParts = {
  placements: Placements;
  credentials: Pick<Credentials, "namesOf">;
  /** The most bytes that a file may have. */
  quotaOf(tenantId: string): Promise<number>;
};

/** Carries rows, as one moment, while nobody writes. */
export function databaseCarrier(parts: DatabaseCarrierParts): Carrier {
  const { placements, credentials } = parts;
  const environment = (context: Context) => context.environmentId!;
  return {
    kind: "database",
    check: (db, moved) => check(parts, db, moved),
    build: (context) => build(placements, context),
    close: (context) => placements.closePlace(context, environment(context)),
    copy: (context) => inTurn(() => placements.moveRows(context, environment(context))),
    verify(context) {
      const { print } = resultOf<RowsMoved>(context, "copy", "database")!;
      return inTurn(() => placements.verifyMoved(context, { environmentId: environment(context), print }));
    },
    reopen: (context, which) =>
      placements.reopenPlace(context, environment(context), which === "next" ? "building" : "current"),
    async removeOthers(context) {
      const environmentId = environment(context);
      const logins = await credentials.namesOf(context.db, environmentId);
      const butCurrent = { logins };
      await placements.removePlacements(context, { environmentId, kind: "database", butCurrent });
    },
  };
}

async function check(
  { placements, quotaOf }: DatabaseCarrierParts,
  db: Db,
  { input, tenantId, environmentId }: Moved,
): Promise<void> {
  const { to: level, serverId } = input.database!;
  const region = input.region ?? undefined;
  await placements.requireEligible(db, { level, region, environmentId, serverId });
  const source = await placements.sourceOfRows(db, environmentId);
  const { schemaVersion } = await findApp(db, showId("app", input.appId));
  requireFit({ source, level, schemaVersion });
  const { schemaVersion: version } = source;
  await placements.refuseKnownUnheld(db, { appId: input.appId, schemaVersion: version, level });
  if (level === "sqlite") requireSize(await placements.sizeOf(db, environmentId), await quotaOf(tenantId));
}

async function build(placements: Placements, context: Context) {
  const environmentId = context.environmentId!;
  const { appId, region, database } = context.input;
  const { to: level, serverId } = database!;
  const { schemaVersion } = await placements.sourceOfRows(context.db, environmentId);
  return placements.placeDatabase(context, {
    ...{ environmentId, appId, level, schemaVersion, serverId },
    region: region ?? undefined,
    next: true,
  });
}
