import { createHash } from "node:crypto";
import type { DatabaseLevel } from "@tenantry/contract";
import { type AppMigration, type Finding, refuseUnheld } from "../../../drivers/database/index.ts";
import { type Db, inTransaction } from "../../../infra/db/index.ts";
import { defineWorkflow, startOperation, step, type Workflow } from "../../../infra/workflow/index.ts";
import { invalidField, parseId } from "../../../kernel/index.ts";
import { selectFindings } from "../databases/databases.sql.ts";
import { type PlacementParts, requirePostgres } from "../parts.ts";
import { chooseAnyServer } from "../servers/choose-server.ts";
import { requireServer } from "../servers/servers.ts";
import { deleteInput, selectSchemaCheck, selectStepResult } from "./schema-check.sql.ts";

export type SchemaCheckInput = { migrations: AppMigration[] };

type Chosen = { serverId: string };

/** Tries migrations out on a server, and leaves nothing but the findings. */
export function schemaCheckWorkflow(parts: PlacementParts): Workflow {
  const driver = () => requirePostgres(parts.drivers, "database");
  return defineWorkflow<SchemaCheckInput>({
    kind: "schema.check",
    version: 1,
    steps: [
      step<SchemaCheckInput>("choose-server", {
        title: "Choose a server",
        async run(context): Promise<Chosen> {
          const server = await context.transaction((tx) => chooseAnyServer(tx));
          return { serverId: server.id };
        },
      }),
      step<SchemaCheckInput>("try-out", {
        title: "Apply the migrations and look at what they made",
        async run(context): Promise<{ findings: Finding[] }> {
          const { serverId } = context.results["choose-server"] as Chosen;
          const server = await requireServer(context.db, parts.secrets, serverId);
          const { migrations } = context.input;
          return { findings: await driver().tryOut(context, { server, migrations }) };
        },
        async undo(context) {
          const { serverId } = context.results["choose-server"] as Chosen;
          const server = await requireServer(context.db, parts.secrets, serverId);
          const name = driver().nameOfTrial(context.operationId, context.input.migrations);
          await driver().remove(context, { server, thing: { kind: "database", name } });
        },
      }),
    ],
    async ended(tx, { operationId }) {
      await deleteInput(tx, operationId);
    },
  });
}

/** Starts a check; answers the operation's UUID. */
export function startSchemaCheck(
  db: Db,
  workflow: Workflow,
  input: SchemaCheckInput,
  requestedBy: string,
): Promise<string> {
  // The files go when it has ended; by this they are known again.
  const noted = { ...input, checksum: checksumOf(input.migrations) };
  return inTransaction(db, (tx) =>
    startOperation(tx, { workflow, input: noted, exclusive: false, requestedBy }),
  );
}

/**
 * The UUID of a check, known by its public id, of the same files; undefined for another kind of operation. Throws
 * `invalid_request` where it was of other files, with `pointer`.
 */
export async function findSchemaCheck(
  db: Db,
  operationId: string,
  { migrations }: SchemaCheckInput,
  pointer: string,
): Promise<string | undefined> {
  const id = parseId("op", operationId);
  const found = id && (await selectSchemaCheck(db, id));
  if (!found) return undefined;
  if (found.checksum === checksumOf(migrations)) return id;
  throw invalidField(pointer, "It was a check of other files.");
}

/** Tells files apart by their names and texts. */
export const checksumOf = (migrations: readonly Pick<AppMigration, "name" | "sql">[]): string =>
  createHash("sha256")
    .update(JSON.stringify(migrations.map(({ name, sql }) => [name, sql])))
    .digest("hex");

/** What a check that succeeded found. */
export async function findingsOf(db: Db, operationId: string): Promise<Finding[]> {
  const result = await selectStepResult<{ findings: Finding[] }>(db, operationId, "try-out");
  return result?.findings ?? [];
}

/**
 * Throws `isolation_unavailable` where a level can't hold an app's schema, as was found when it was released. Of what an
 * earlier Tenantry has released nothing is known.
 */
export async function refuseKnownUnheld(
  db: Db,
  { appId, schemaVersion, level }: { appId: string; schemaVersion: number; level: DatabaseLevel },
): Promise<void> {
  const findings = await selectFindings(db, appId, schemaVersion);
  // Their places were found when they were: the files aren't needed any more.
  refuseUnheld(level, findings ?? [], []);
}
