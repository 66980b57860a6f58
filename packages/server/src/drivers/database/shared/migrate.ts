import { databaseErrorCode } from "../../../infra/db/index.ts";
import { failure } from "../../../kernel/index.ts";
import { refuseChanged } from "../common/apply-migrations.ts";
import { onlyLedger, selectLedger } from "../common/ledger.sql.ts";
import { readMigration } from "../common/migration-file.ts";
import { asMigrator, migrationPlace } from "../common/migrator.ts";
import { ownerName, writerName } from "../common/names.ts";
import type { DriverParts } from "../common/parts.ts";
import { sealExpressions, verifySeal } from "../common/seal/index.ts";
import { selectSealed } from "../common/seal/verify-seal.sql.ts";
import { type Session, withSession } from "../common/session.ts";
import type { AppMigration, DriverContext, MigrateRequest } from "../driver.ts";
import { applyPlanned } from "./migration/apply.ts";
import { endLongLogins } from "./migration/give-way.ts";
import { planFiles } from "./migration/plan.ts";
import type { PlannedFile } from "./migration/planned.ts";
import { openToRun, selectClearsStatistics } from "./migration/run.sql.ts";
import { runStatement } from "./migration/run-statement.ts";
import { inScratch, scratchName } from "./migration/scratch.ts";
import { ownFunctions } from "./own-functions.ts";
import { createExtensions } from "./shared.sql.ts";

/** As many times as long as a migration waits for a lock may a login's transaction have lasted that may hold it. */
const waits = 4.5;

/**
 * Implements `DatabaseDriver.migrate`: file by file, each for all environments at once or for none. What a file comes to
 * here is found out beforehand, where it touches nobody.
 */
export async function migrate(
  parts: DriverParts,
  context: DriverContext,
  request: MigrateRequest,
): Promise<{ applied: number; schemaVersion: number }> {
  const { server, database, schema } = request;
  const applied = await withSession(parts.connect, context, server, database.name, async (session) => {
    const planned = await plan(parts, session, context, request);
    if (planned.length === 0) return 0;
    return apply(parts, session, context, request, planned);
  });
  return { applied, schemaVersion: schema.migrations.length };
}

/** Implements `Sharing.rehearse`. */
export async function rehearse(
  parts: DriverParts,
  context: DriverContext,
  request: MigrateRequest,
): Promise<void> {
  await withSession(parts.connect, context, request.server, request.database.name, (session) =>
    plan(parts, session, context, request),
  );
}

/** What the files that the database doesn't have yet come to there. */
async function plan(
  parts: DriverParts,
  session: Session,
  context: DriverContext,
  { server, database, schema }: MigrateRequest,
): Promise<PlannedFile[]> {
  const { sealed, ledger, clearsStatistics } = await session.inDatabase(database.name, (inside) =>
    inside.inspect(async (client) => ({
      sealed: await selectSealed(client),
      ledger: await selectLedger(client, onlyLedger),
      clearsStatistics: await selectClearsStatistics(client),
    })),
  );
  refuseChanged(ledger, schema.migrations);
  const held = new Set(ledger.filter(({ finished }) => finished).map(({ ordinal }) => ordinal));
  const [done, pending] = [true, false].map((is) =>
    schema.migrations.filter(({ ordinal }) => held.has(ordinal) === is),
  ) as [AppMigration[], AppMigration[]];
  if (pending.length === 0) return [];
  if (!sealed)
    throw failure("isolation_unavailable", { detail: `The database ${database.name} has no seal.` });
  const files = pending.map(readMigration);
  const name = scratchName(schema.appId, database.name);
  const standing = { ...schema, migrations: done };
  const makers = {
    seal: sealExpressions(sealed.strategy),
    owner: ownerName(schema.appId),
    writer: writerName(schema.appId),
    clearsStatistics,
  };
  return inScratch(parts, session, { context, server, schema: standing, name }, (run) =>
    planFiles(
      {
        client: run.client,
        makers,
        migrations: schema.migrations,
        run: (...what) => runStatement(run, ...what),
      },
      files,
    ),
  );
}

async function apply(
  parts: DriverParts,
  session: Session,
  context: DriverContext,
  { server, database, schema }: MigrateRequest,
  planned: readonly PlannedFile[],
): Promise<number> {
  const { roles } = parts;
  const [owner, writer] = [ownerName(schema.appId), writerName(schema.appId)];
  const databaseId = await session.inDatabase(database.name, async (inside) => {
    await openToRun(inside, { roles, owner });
    for (const { extensions } of planned) await createExtensions(inside, extensions, { owner, roles });
    return (await inside.inspect((client) => selectSealed(client)))!.databaseId!;
  });
  const seal = { databaseId, key: Buffer.from(database.sealKey!, "base64") };
  const place = { ...migrationPlace(database.name, schema), become: [owner, writer] };
  const applied = await asMigrator(session, { ...parts, context, server, ...place }, async (run) => {
    let count = 0;
    const at = { statement: { text: "", offset: 0 } };
    for (const file of planned) {
      await context.assertLease();
      context.signal.throwIfAborted();
      const progress = async (done: number, all: number) => {
        await context.progress?.(done / all, `${file.file.migration.name}: ${done} of ${all} environments`);
      };
      if (await applyPlanned({ ...run, seal, owner, writer, at, progress }, file)) count += 1;
    }
    return count;
  }).catch(async (error: Error) => {
    // Whoever repeats it finds the way free.
    if (session.superuser && databaseErrorCode(error.cause) === "55P03")
      await endLongLogins(session, database.name, waits * parts.limits.lockTimeoutMs);
    throw error;
  });
  const problems = await session.inDatabase(database.name, (inside) =>
    inside.inspect((client) => verifySeal(client, { roles, name: database.name, ownFunctions })),
  );
  if (problems.length > 0) {
    throw failure("isolation_unavailable", {
      detail: `After the migrations the seal isn't whole: ${problems.join(" ")}`,
    });
  }
  return applied;
}
