import type { Tx } from "../../infra/db/index.ts";
import {
  defineWorkflow,
  type StepContext,
  startOperation,
  step,
  type Workflow,
} from "../../infra/workflow/index.ts";
import { ensureBlueprint } from "./databases/blueprints.ts";
import { buildDatabase, type NewDatabase, removeDatabase } from "./databases/build-database.ts";
import { markUnreleasedBlueprints } from "./databases/databases.sql.ts";
import { shelfOf } from "./databases/spare-keeper.sql.ts";
import { driftWorkflow } from "./fleet/drift.ts";
import { rehearsalWorkflow } from "./fleet/rehearsal.ts";
import { schemaCheckWorkflow } from "./fleet/schema-check.ts";
import { scriptWorkflow } from "./fleet/script-workflow.ts";
import type { PlacementParts } from "./parts.ts";
import { readyServer, removeStartedServer, reserveStartedServer } from "./servers/dedicated-servers.ts";
import { selectServer } from "./servers/servers.sql.ts";
import { requireServer } from "./servers/servers.ts";

export type RemovalInput = { databaseId: string };

export type PlacementWorkflows = {
  buildSpare: Workflow;
  removeUnused: Workflow;
  checkSchema: Workflow;
  drift: Workflow;
  rehearse: Workflow;
  runScript: Workflow;
};

/** A database that serves a tenant is never taken by these. */
const unused = ["creating", "blueprint", "spare"] as const;

/** The platform's own work on databases that no tenant has yet, or any more. */
export function createPlacementWorkflows(parts: PlacementParts): PlacementWorkflows {
  const buildSpare = defineWorkflow<NewDatabase>({
    kind: "database.spare.build",
    version: 2,
    lazyLedger: true,
    steps: [
      step<NewDatabase>("server", {
        title: "Start a server, if it gets one to itself",
        run: (context) => startSparesServer(parts, context),
        async undo(context) {
          const { level, serverId } = context.input;
          if (level === "dedicated") await removeStartedServer(parts, context, serverId);
        },
      }),
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
      parts.onSpareEnded?.({ shelf: shelfOf(input), succeeded: status === "succeeded" });
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
  return {
    buildSpare,
    removeUnused,
    checkSchema: schemaCheckWorkflow(parts),
    drift: driftWorkflow(parts),
    rehearse: rehearsalWorkflow(parts),
    runScript: scriptWorkflow(parts),
  };
}

async function startSparesServer(parts: PlacementParts, context: StepContext<NewDatabase>): Promise<void> {
  const { level, serverId: id } = context.input;
  if (level !== "dedicated") return;
  await context.transaction(async (tx) => {
    if (!(await selectServer(tx, id))) await reserveStartedServer(parts, tx, { id });
  });
  await readyServer(parts, context, id);
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
