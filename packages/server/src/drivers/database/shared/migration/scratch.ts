import { createHash } from "node:crypto";
import { databaseErrorCode } from "../../../../infra/db/index.ts";
import { encodeUuid, hasCode } from "../../../../kernel/index.ts";
import type { MigratorRun } from "../../common/apply-migrations.ts";
import { fillFromFiles, removeBlueprint } from "../../common/build-blueprint.ts";
import {
  createDatabase,
  isFinishedBlueprint,
  openDatabase,
  selectDatabase,
} from "../../common/databases.sql.ts";
import { asMigrator, migrationPlace } from "../../common/migrator.ts";
import { blueprintName } from "../../common/names.ts";
import type { DriverParts } from "../../common/parts.ts";
import type { Session } from "../../common/session.ts";
import type { AppSchema, DatabaseServer, DriverContext } from "../../driver.ts";

/** Where migrations of one shared database are tried; its own, so that no two do so in one place. */
export function scratchName(appId: string, database: string): string {
  const digest = createHash("sha256").update(`scratch ${database}`).digest("hex").slice(0, 16);
  return `tnb_${encodeUuid(appId)}_${digest}`;
}

/**
 * Works in a database of one environment that has the files of `schema`, as a migrator, and removes it. What is left of
 * an interrupted one, the next one removes, or the sweeper.
 */
export async function inScratch<Result>(
  parts: DriverParts,
  session: Session,
  request: { context: DriverContext; server: DatabaseServer; schema: AppSchema; name: string },
  work: (run: MigratorRun) => Promise<Result>,
): Promise<Result> {
  const { context, server, schema, name } = request;
  const resource = { kind: "database", driver: "database", serverId: server.id, physicalName: name };
  await context.declareResource(resource);
  await removeBlueprint(session, name);
  await copyOrFill(parts, session, request);
  const place = migrationPlace(name, schema);
  const [result, error] = await asMigrator(session, { ...parts, context, server, ...place }, work).then(
    (done) => [done, undefined] as const,
    (reason: unknown) => [undefined, reason] as const,
  );
  const isAnswer = hasCode(error, "migration_failed") || hasCode(error, "isolation_unavailable");
  if (error && !isAnswer) throw error;
  await removeBlueprint(session, name);
  await context.resourceRemoved(resource);
  if (error) throw error;
  return result as Result;
}

/** From the blueprint when it stands and nobody copies it at the moment, else from the files. */
async function copyOrFill(
  parts: DriverParts,
  session: Session,
  request: { context: DriverContext; server: DatabaseServer; schema: AppSchema; name: string },
): Promise<void> {
  const { name } = request;
  const template = blueprintName(request.schema);
  if (isFinishedBlueprint(await selectDatabase(session, template))) {
    try {
      await createDatabase(session, { name, owner: parts.roles.databases, template });
      return await openDatabase(session, name);
    } catch (error) {
      const code = databaseErrorCode(error);
      if (code !== "55006" && code !== "3D000") throw error;
    }
  }
  await fillFromFiles(parts, session, request);
}
