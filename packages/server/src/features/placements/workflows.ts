import type { Tx } from "../../infra/db/index.ts";
import { defineWorkflow, startOperation, step, type Workflow } from "../../infra/workflow/index.ts";
import { ensureBlueprint } from "./blueprints.ts";
import { buildDatabase, type NewDatabase, removeDatabase } from "./build-database.ts";
import { markUnreleasedBlueprints } from "./databases.sql.ts";
import type { PlacementParts } from "./parts.ts";
import { schemaCheckWorkflow } from "./schema-check.ts";
import { requireServer } from "./servers.ts";

export type RemovalInput = { databaseId: string };

export type PlacementWorkflows = { buildSpare: Workflow; removeUnused: Workflow; checkSchema: Workflow };

/** A database that serves a tenant is never taken by these. */
const unused = ["creating", "blueprint", "spare"] as const;

/** The platform's own work on databases that no tenant has yet, or any more. */
export function createPlacementWorkflows(parts: PlacementParts): PlacementWorkflows {
  const buildSpare = defineWorkflow<NewDatabase>({
    kind: "database.spare.build",
    version: 1,
    lazyLedger: true,
    steps: [
      step<NewDatabase>("blueprint", {
        title: "Prepare the blueprint",
        async run(context) {
          const server = await requireServer(context.db, parts.secrets, context.input.serverId);
          await ensureBlueprint(parts, context, { ...context.input, server });
        },
      }),
      step<NewDatabase>("database", {
        title: "Build the database",
        run: (context) => buildDatabase(parts, context, context.input, "spare"),
        undo: (context) => removeDatabase(parts, context, context.input.id, { from: unused }),
      }),
    ],
    async ended(_tx, { input, status }) {
      parts.onSpareEnded?.({ serverId: input.serverId, succeeded: status === "succeeded" });
    },
  });
  const removeUnused = defineWorkflow<RemovalInput>({
    kind: "database.remove",
    version: 1,
    onFailure: "stop",
    attempts: 8,
    steps: [
      step<RemovalInput>("remove", {
        title: "Remove the database",
        run: (context) => removeDatabase(parts, context, context.input.databaseId, { from: unused }),
      }),
    ],
  });
  return { buildSpare, removeUnused, checkSchema: schemaCheckWorkflow(parts) };
}

/** Starts the removal of blueprints that were tried for releases which came to nothing. Hold the app's row. */
export async function dropTrials(
  tx: Tx,
  { removeUnused }: Pick<PlacementWorkflows, "removeUnused">,
  appId: string,
): Promise<void> {
  for (const databaseId of await markUnreleasedBlueprints(tx, appId)) {
    const input: RemovalInput = { databaseId };
    await startOperation(tx, { workflow: removeUnused, input, exclusive: false, internal: true });
  }
}
