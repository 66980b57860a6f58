import { randomBytes } from "node:crypto";
import type {
  AppMigration,
  AppSchema,
  DatabaseServer,
  FileReport,
  OpenableDatabase,
} from "../../../drivers/database/index.ts";
import { type Db, inTransaction } from "../../../infra/db/index.ts";
import {
  defineWorkflow,
  type StepContext,
  startOperation,
  step,
  type Workflow,
} from "../../../infra/workflow/index.ts";
import { failure, invalidField, newId, parseId } from "../../../kernel/index.ts";
import { ensureBlueprint } from "../databases/blueprints.ts";
import { type DatabaseRow, selectDatabaseOf } from "../databases/databases.sql.ts";
import { describeDatabase } from "../databases/migrate-database.ts";
import { pipeRows } from "../databases/pipe-rows.ts";
import { type PlacementParts, requireDriver } from "../parts.ts";
import { chooseAnyServer } from "../servers/choose-server.ts";
import { requireServer } from "../servers/servers.ts";
import { selectRehearsal } from "./rehearsal.sql.ts";
import { deleteInput, selectStepResult } from "./schema-check.sql.ts";
import { checksumOf } from "./schema-check.ts";

export type RehearsalInput = {
  appId: string;
  /** Every file up to where the copy is to come, those that it has already included. */
  migrations: AppMigration[];
  /** The copy begins with so many of them; an environment's begins with as many as the environment has. */
  schemaVersion: number;
  /** Whose rows are copied; none are when left out. */
  environmentId?: string | undefined;
  /** UUID of the check that found the files fit to be rehearsed, for whoever asks for both again. */
  checkId?: string | undefined;
};

/** What the files did to a copy. */
export type Rehearsal = { rows: number | null; files: FileReport[] };

type Context = StepContext<RehearsalInput>;
/** At the level `database`; of an environment that has a file, a file. */
type Copy = { databaseId: string; serverId: string; level?: "database" | "sqlite" };

/**
 * Applies migrations to a database made for this and removed again, with the rows of one environment: taken in one
 * snapshot, while it goes on.
 */
export function rehearsalWorkflow(parts: PlacementParts): Workflow {
  return defineWorkflow<RehearsalInput>({
    kind: "schema.rehearse",
    version: 1,
    steps: [
      step<RehearsalInput>("choose-server", {
        title: "Choose a server",
        async run(context): Promise<Copy> {
          const { environmentId } = context.input;
          const source = environmentId ? await selectDatabaseOf(context.db, environmentId) : undefined;
          const serverId = source?.serverId ?? (await context.transaction((tx) => chooseAnyServer(tx))).id;
          const level = source?.level === "sqlite" ? "sqlite" : "database";
          return { databaseId: newId(), serverId, level };
        },
      }),
      step<RehearsalInput>("rehearse", {
        title: "Migrate a copy",
        run: (context) => rehearse(parts, context),
        undo: (context) => removeCopy(parts, context),
      }),
    ],
    async ended(tx, { operationId }) {
      await deleteInput(tx, operationId);
    },
  });
}

const copyOf = (context: Context): Required<Copy> => ({
  level: "database",
  ...(context.results["choose-server"] as Copy),
});

async function rehearse(parts: PlacementParts, context: Context): Promise<Rehearsal> {
  const { databaseId, serverId, level } = copyOf(context);
  const { appId, migrations, environmentId } = context.input;
  const source = environmentId === undefined ? undefined : await selectDatabaseOf(context.db, environmentId);
  if (environmentId !== undefined && !source)
    throw failure("environment_unavailable", { detail: "The tenant has no database at the moment." });
  const server = await requireServer(context.db, parts.secrets, serverId);
  const driver = requireDriver(parts.drivers, level);
  // An attempt that was interrupted may have got anywhere.
  await removeCopy(parts, context);
  const { schemaVersion } = source ?? context.input;
  const schema = await ensureBlueprint(parts, context, { appId, schemaVersion, server });
  // Like the environment's own; nobody needs it once the copy is gone.
  const isEncrypted = source && describeDatabase(parts, source).encryptionKey !== undefined;
  const encryptionKey = isEncrypted ? randomBytes(32).toString("base64") : undefined;
  const built = await driver.build(context, { server, databaseId, schema, encryptionKey });
  const database = { ...built, encryptionKey };
  const rows =
    source && environmentId
      ? await copyRows(parts, context, { ...source, environmentId, schema }, { server, database })
      : null;
  const files: FileReport[] = [];
  const request = { context, server, schema: { appId, migrations }, lane: databaseId };
  const pending = migrations.length - schemaVersion;
  const onFile = (report: FileReport) => {
    files.push(report);
    const applied = `${files.length} of ${pending} files applied, the last ${report.name}`;
    void context.progress((1 + files.length) / (1 + pending), applied);
  };
  await driver.inLane!({ ...request, onFile }, (migrate) => migrate(database));
  await removeCopy(parts, context);
  return { rows, files };
}

type Source = DatabaseRow & { environmentId: string; schema: AppSchema };

async function copyRows(
  parts: PlacementParts,
  context: Context,
  source: Source,
  copy: { server: DatabaseServer; database: OpenableDatabase },
): Promise<number> {
  const { id: databaseId, environmentId, schema } = source;
  const server = await requireServer(context.db, parts.secrets, source.serverId);
  const place = { server, database: describeDatabase(parts, source), databaseId, environmentId, schema };
  const { level, databaseId: copysId } = copyOf(context);
  const { rows } = await pipeRows(parts, context, {
    from: { level: source.level, place },
    to: { level, place: { ...place, ...copy, databaseId: copysId } },
    progress: ({ bytes }) =>
      context.progress(0, `Copying the tenant's rows: ${Math.ceil(bytes / 1_048_576)} MiB so far`),
  });
  return rows;
}

async function removeCopy(parts: PlacementParts, context: Context): Promise<void> {
  const copy = copyOf(context);
  const driver = requireDriver(parts.drivers, copy.level);
  const server = await requireServer(context.db, parts.secrets, copy.serverId);
  const { name } = driver.nameOf({ appId: context.input.appId, databaseId: copy.databaseId });
  await driver.remove(context, { server, thing: { kind: "database", name } });
}

/** Starts a rehearsal; answers the operation's UUID. */
export function startRehearsal(
  db: Db,
  workflow: Workflow,
  input: RehearsalInput,
  requestedBy: string,
): Promise<string> {
  return inTransaction(db, (tx) =>
    startOperation(tx, {
      // The files go when it has ended; by this they are known again.
      ...{ workflow, input: { ...input, checksum: checksumOf(input.migrations) } },
      ...{ exclusive: false, requestedBy },
    }),
  );
}

/**
 * The UUID of a rehearsal, known by its public id, of the same files on the same environment, and of the check before it.
 * Throws `invalid_request` for anything else.
 */
export async function findRehearsal(
  db: Db,
  operationId: string,
  { appId, environmentId, migrations }: Omit<RehearsalInput, "schemaVersion">,
): Promise<{ id: string; checkId: string | undefined }> {
  const id = parseId("op", operationId);
  const found = id && (await selectRehearsal(db, id));
  if (!found) throw invalidField("/rehearsal", "There is no such rehearsal.");
  const isSame =
    found.appId === appId &&
    found.environmentId === (environmentId ?? null) &&
    found.checksum === checksumOf(migrations);
  if (isSame) return { id, checkId: found.checkId ?? undefined };
  throw invalidField("/rehearsal", "It was a rehearsal of other files, or on another tenant's rows.");
}

/** What came of one that succeeded. */
export async function rehearsalOf(db: Db, operationId: string): Promise<Rehearsal> {
  return (await selectStepResult<Rehearsal>(db, operationId, "rehearse"))!;
}
