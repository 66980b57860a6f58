import type { Tx } from "../../infra/db/index.ts";
import { recordEvent } from "../../infra/events/index.ts";
import {
  isWaiting,
  type Outcome,
  type Step,
  step,
  type Waiting,
  type Workflow,
} from "../../infra/workflow/index.ts";
import type { Credentials } from "../credentials/index.ts";
import { touchRuntime, updateMoving } from "../environments/index.ts";
import { flipPlacements, inTurn, isScriptAtWork } from "../placements/index.ts";
import { holdApp, selectOpenWork } from "../releases/index.ts";
import { refreshRoutes } from "../routing/index.ts";
import { type Carrier, type Context, type MoveInput, resultOf } from "./carrier.ts";

/** So often it is looked whether what is under way has ended. */
const waitMs = 2_000;

export type MoveParts = {
  /** In the order in which each step goes about them. */
  carriers: readonly Carrier[];
  credentials: Pick<Credentials, "align" | "carry">;
};

/**
 * Carries what an environment has to other levels or servers [MOV-2, ISO-10]. The new places stand before the old ones are
 * closed, so that visitors wait for what is copied alone. Up to the step that sends the tenant there, the old places are as
 * they were, and a failure or a cancellation opens them again; from there on it only goes forward.
 */
export function moveWorkflow(parts: MoveParts): Workflow<MoveInput> {
  return {
    kind: "environment.move",
    version: 2,
    attempts: 5,
    steps: [
      step<MoveInput>("check", {
        title: "Look whether it can be moved",
        run: (context) => each(parts, context, ({ check }) => check(context.db, movedOf(context))),
      }),
      ...placeSteps(parts),
      ...arrivalSteps(parts),
    ],
    ended: tellUndone,
  };
}

const movedOf = ({ input, tenantId, environmentId }: Context) => ({
  ...{ input, tenantId: tenantId!, environmentId: environmentId! },
});

/** What each kind comes to that is moved, one after another; where one has to wait, all do. */
async function each(
  { carriers }: Pick<MoveParts, "carriers">,
  context: Context,
  work: (carrier: Carrier) => Promise<unknown>,
): Promise<Record<string, unknown> | Waiting> {
  const results: Record<string, unknown> = {};
  for (const carrier of carriers) {
    if (!context.input[carrier.kind]) continue;
    const result = await work(carrier);
    if (isWaiting(result)) return result;
    results[carrier.kind] = result;
  }
  return results;
}

function placeSteps(parts: MoveParts): Step<MoveInput>[] {
  return [
    step<MoveInput>("build", {
      title: "Prepare the new place",
      run: (context) => each(parts, context, ({ build }) => build(context)),
      undo: (context) => removeOthers(parts, context),
    }),
    step<MoveInput>("close", {
      title: "Close the tenant: visitors are told to come back",
      run: (context) => close(parts, context),
      undo: (context) => open(parts, context),
    }),
    step<MoveInput>("copy", {
      title: "Copy what it has",
      run: (context) => each(parts, context, ({ copy }) => copy(context)),
    }),
    step<MoveInput>("verify", {
      title: "Compare both places",
      run: (context) => each(parts, context, ({ verify }) => verify(context)),
    }),
  ];
}

function arrivalSteps(parts: MoveParts) {
  return [
    step<MoveInput>("switch", {
      title: "Send the tenant to its new place",
      run: (context) => arrive(parts, context),
    }),
    step<MoveInput>("reopen", {
      title: "Open the tenant",
      run: (context) => context.transaction((tx) => reopen(tx, context)),
    }),
    step<MoveInput>("credentials", {
      title: "Give its programs a login at the new place",
      run: ({ input: { slug, environment }, ...context }) =>
        parts.credentials.carry(context as Context, { slug, environment }),
    }),
    step<MoveInput>("late", {
      title: "Bring what was written late",
      run: (context) => each(parts, context, async ({ late }) => late?.(context)),
    }),
    step<MoveInput>("clean-up", {
      title: "Remove the old place",
      run: (context) => inTurn(() => removeOthers(parts, context)),
    }),
  ];
}

async function removeOthers(parts: MoveParts, context: Context): Promise<void> {
  await each(parts, context, (carrier) => carrier.removeOthers(context));
}

/** First applications learn of it, and then whoever hasn't is shut out where things are. */
async function close(parts: MoveParts, context: Context) {
  const underWay = await context.transaction((tx) => beginMoving(tx, context));
  if (underWay) return { waitUntil: new Date(Date.now() + waitMs), message: underWay };
  await parts.credentials.align(context);
  return each(parts, context, (carrier) => carrier.close(context));
}

/** Says what has to end before. Whatever begins afterwards finds that the environment is being moved, and waits. */
async function beginMoving(tx: Tx, context: Context): Promise<string | undefined> {
  const [tenantId, environmentId] = [context.tenantId!, context.environmentId!];
  const { appId } = context.input;
  await holdApp(tx, appId);
  // Holds the environment's row, which a script has to see before it begins.
  const isNew = await updateMoving(tx, environmentId, true);
  // A node died since. Whatever has begun in the meantime waits for us: we mustn't wait for it.
  if (!isNew) return undefined;
  const underWay = (await selectOpenWork(tx, appId))
    ? "Waiting for a release or a migration"
    : (await isScriptAtWork(tx, environmentId)) && "Waiting for a script";
  if (underWay) {
    await updateMoving(tx, environmentId, false);
    return underWay;
  }
  const data = toldOf(context.input);
  await recordEvent(tx, { name: "environment.move-started", tenantId, environmentId, data });
  await refreshRoutes(tx, tenantId);
  await touchRuntime(tx, [environmentId]);
  return undefined;
}

/** Takes `close` back: the places first, so that whoever is let in gets on. */
async function open(parts: MoveParts, context: Context): Promise<void> {
  await each(parts, context, (carrier) => carrier.reopen(context, "current"));
  await context.transaction((tx) => endMoving(tx, context));
  await parts.credentials.align(context);
}

async function endMoving(tx: Tx, { tenantId, environmentId }: Context): Promise<boolean> {
  if (!(await updateMoving(tx, environmentId!, false))) return false;
  await refreshRoutes(tx, tenantId!);
  await touchRuntime(tx, [environmentId!]);
  return true;
}

async function arrive(parts: MoveParts, context: Context): Promise<void> {
  const environmentId = context.environmentId!;
  await each(parts, context, (carrier) => carrier.reopen(context, "next"));
  await context.transaction(async (tx) => {
    await flipPlacements(tx, environmentId);
    await each(parts, context, async ({ arrive }) => arrive?.(tx, context));
    await touchRuntime(tx, [environmentId]);
    await context.passPointOfNoReturn(tx);
  });
}

async function reopen(tx: Tx, context: Context): Promise<void> {
  const { slug, environment, database, promotion } = context.input;
  const whose = { tenantId: context.tenantId!, environmentId: context.environmentId! };
  if (!(await endMoving(tx, context))) return;
  const data = { ...toldOf(context.input), ...countsOf(context) };
  await recordEvent(tx, { name: "environment.moved", ...whose, data });
  if (!promotion || !database) return;
  const { from, to } = database;
  await recordEvent(tx, {
    ...{ name: "tenant.promoted", ...whose },
    data: { slug, environment, from, to, ...promotion },
  });
}

/** How much went along. */
function countsOf(context: Context) {
  const rows = resultOf<{ rows: number }>(context, "copy", "database")?.rows;
  const files = resultOf<{ objects: number }>(context, "verify", "storage")?.objects;
  const cached = resultOf<{ keys: number }>(context, "copy", "cache")?.keys;
  return {
    ...(rows !== undefined && { rows }),
    ...(files !== undefined && { files }),
    ...(cached !== undefined && { cacheKeys: cached }),
  };
}

/** What events say of a move. */
function toldOf({ slug, environment, database, storage, cache }: MoveInput) {
  const levels = (kind: { from: string; to: string }) => ({ from: kind.from, to: kind.to });
  return {
    ...{ slug, environment },
    ...(database && { from: database.from, to: database.to }),
    ...(storage && { storage: levels(storage) }),
    ...(cache && { cache: levels(cache) }),
  };
}

async function tellUndone(tx: Tx, outcome: Outcome<MoveInput>): Promise<void> {
  if (outcome.status === "succeeded") return;
  const reason = outcome.status === "cancelled" ? "cancelled" : (outcome.error?.code ?? "failed");
  await recordEvent(tx, {
    name: "environment.move-undone",
    tenantId: outcome.tenantId!,
    environmentId: outcome.environmentId!,
    data: { ...toldOf(outcome.input), reason },
  });
}
