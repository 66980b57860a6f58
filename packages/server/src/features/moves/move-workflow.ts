import type { DatabaseLevel } from "@tenantry/contract";
import type { Tx } from "../../infra/db/index.ts";
import { recordEvent } from "../../infra/events/index.ts";
import {
  type Outcome,
  type Step,
  type StepContext,
  step,
  type Waiting,
  type Workflow,
} from "../../infra/workflow/index.ts";
import type { Credentials } from "../credentials/index.ts";
import { touchRuntime, updateMoving } from "../environments/index.ts";
import {
  flipPlacement,
  inTurn,
  isScriptAtWork,
  type Placements,
  type RowsMoved,
} from "../placements/index.ts";
import { holdApp, selectOpenWork } from "../releases/index.ts";
import { refreshRoutes } from "../routing/index.ts";

/** Why it is moved, when a rule does it. */
export type Promotion = { bytes: number; whenBytesAbove: number };

export type MoveInput = {
  appId: string;
  slug: string;
  environment: string;
  from: DatabaseLevel;
  to: DatabaseLevel;
  region: string | null;
  /** The server that was asked for; any that fits when left out. */
  serverId?: string;
  promotion?: Promotion;
};

type Context = StepContext<MoveInput>;

export type MoveParts = {
  placements: Placements;
  credentials: Pick<Credentials, "align" | "carry" | "namesOf">;
  /** Throws what keeps the move from being done, before anything is. */
  check(context: Context): Promise<void>;
};

/** So often it is looked whether what is under way has ended. */
const waitMs = 2_000;

/**
 * Carries an environment's database to another level or server [MOV-2]. The new place stands before the old one is
 * closed, so that visitors wait for the rows alone. Up to the step that sends the tenant there, the old place is as it
 * was, and a failure or a cancellation opens it again; from there on it only goes forward.
 */
export function moveWorkflow(parts: MoveParts): Workflow<MoveInput> {
  return {
    kind: "environment.move",
    version: 1,
    attempts: 5,
    steps: [
      step<MoveInput>("check", {
        title: "Look whether it can be moved",
        run: (context) => parts.check(context),
      }),
      ...placeSteps(parts),
      ...arrivalSteps(parts),
    ],
    ended: tellUndone,
  };
}

function placeSteps({ placements, credentials }: MoveParts): Step<MoveInput>[] {
  const environment = (context: Context) => context.environmentId!;
  return [
    step<MoveInput>("build", {
      title: "Prepare the new place",
      run: (context) => build(placements, context),
      undo: (context) => removeOthers({ placements, credentials }, context),
    }),
    step<MoveInput>("close", {
      title: "Close the tenant: visitors are told to come back",
      run: (context) => close({ placements, credentials }, context),
      undo: (context) => open({ placements, credentials }, context),
    }),
    step<MoveInput>("copy", {
      title: "Copy the rows",
      run: (context) => inTurn(() => placements.moveRows(context, environment(context))),
    }),
    step<MoveInput>("verify", {
      title: "Compare the rows",
      run(context) {
        const { print } = context.results.copy as RowsMoved;
        return inTurn(() => placements.verifyMoved(context, { environmentId: environment(context), print }));
      },
    }),
  ];
}

function arrivalSteps({ placements, credentials }: MoveParts) {
  return [
    step<MoveInput>("switch", {
      title: "Send the tenant to its new place",
      async run(context) {
        const environmentId = context.environmentId!;
        await placements.reopenPlace(context, environmentId, "building");
        await context.transaction(async (tx) => {
          await flipPlacement(tx, environmentId);
          await touchRuntime(tx, [environmentId]);
          await context.passPointOfNoReturn(tx);
        });
      },
    }),
    step<MoveInput>("reopen", {
      title: "Open the tenant",
      run: (context) => context.transaction((tx) => reopen(tx, context)),
    }),
    step<MoveInput>("credentials", {
      title: "Give its programs a login at the new place",
      run: ({ input: { slug, environment }, ...context }) =>
        credentials.carry(context as Context, { slug, environment }),
    }),
    step<MoveInput>("clean-up", {
      title: "Remove the old place",
      run: (context) => removeOthers({ placements, credentials }, context),
    }),
  ];
}

async function build(placements: Placements, context: Context) {
  const environmentId = context.environmentId!;
  const { appId, to, region, serverId } = context.input;
  const { schemaVersion } = await placements.sourceOfRows(context.db, environmentId);
  return placements.placeDatabase(context, {
    ...{ environmentId, appId, level: to, schemaVersion, serverId },
    region: region ?? undefined,
    next: true,
  });
}

async function removeOthers({ placements, credentials }: Doors, context: Context): Promise<void> {
  const environmentId = context.environmentId!;
  const logins = await credentials.namesOf(context.db, environmentId);
  await placements.removePlacements(context, { environmentId, kind: "database", butCurrent: { logins } });
}

type Doors = Pick<MoveParts, "placements" | "credentials">;

/** First applications learn of it, and then whoever hasn't is shut out where the rows are. */
async function close({ placements, credentials }: Doors, context: Context): Promise<Waiting | undefined> {
  const underWay = await context.transaction((tx) => beginMoving(tx, context));
  if (underWay) return { waitUntil: new Date(Date.now() + waitMs), message: underWay };
  await credentials.align(context);
  await placements.closePlace(context, context.environmentId!);
  return undefined;
}

/** Says what has to end before. Whatever begins afterwards finds that the environment is being moved, and waits. */
async function beginMoving(tx: Tx, context: Context): Promise<string | undefined> {
  const { appId, slug, environment, from, to } = context.input;
  const [tenantId, environmentId] = [context.tenantId!, context.environmentId!];
  await holdApp(tx, appId);
  if (await selectOpenWork(tx, appId)) return "Waiting for a release or a migration";
  // Holds the environment's row, which a script has to see before it begins.
  const isNew = await updateMoving(tx, environmentId, true);
  if (!isNew) return undefined;
  if (await isScriptAtWork(tx, environmentId)) {
    await updateMoving(tx, environmentId, false);
    return "Waiting for a script";
  }
  const data = { slug, environment, from, to };
  await recordEvent(tx, { name: "environment.move-started", tenantId, environmentId, data });
  await refreshRoutes(tx, tenantId);
  await touchRuntime(tx, [environmentId]);
  return undefined;
}

/** Takes `close` back: the place first, so that whoever is let in gets on. */
async function open({ placements, credentials }: Doors, context: Context): Promise<void> {
  await placements.reopenPlace(context, context.environmentId!, "current");
  await context.transaction((tx) => endMoving(tx, context));
  await credentials.align(context);
}

async function endMoving(tx: Tx, { tenantId, environmentId }: Context): Promise<boolean> {
  if (!(await updateMoving(tx, environmentId!, false))) return false;
  await refreshRoutes(tx, tenantId!);
  await touchRuntime(tx, [environmentId!]);
  return true;
}

async function reopen(tx: Tx, context: Context): Promise<void> {
  const { slug, environment, from, to, promotion } = context.input;
  const whose = { tenantId: context.tenantId!, environmentId: context.environmentId! };
  if (!(await endMoving(tx, context))) return;
  const { rows } = context.results.copy as RowsMoved;
  await recordEvent(tx, { name: "environment.moved", ...whose, data: { slug, environment, from, to, rows } });
  if (!promotion) return;
  const data = { slug, environment, from, to, ...promotion };
  await recordEvent(tx, { name: "tenant.promoted", ...whose, data });
}

async function tellUndone(tx: Tx, outcome: Outcome<MoveInput>): Promise<void> {
  if (outcome.status === "succeeded") return;
  const { slug, environment, from, to } = outcome.input;
  const reason = outcome.status === "cancelled" ? "cancelled" : (outcome.error?.code ?? "failed");
  await recordEvent(tx, {
    name: "environment.move-undone",
    tenantId: outcome.tenantId!,
    environmentId: outcome.environmentId!,
    data: { slug, environment, from, to, reason },
  });
}
