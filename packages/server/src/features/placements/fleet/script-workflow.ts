import {
  type FileScript,
  type FileScripts,
  readScript,
  removeLogin,
  runScript,
  type Script,
  type ScriptRun,
  transactionOutcome,
} from "../../../drivers/database/index.ts";
import {
  defineWorkflow,
  LeaseLost,
  recordError,
  type StepContext,
  step,
  type Workflow,
} from "../../../infra/workflow/index.ts";
import { failure, hasCode } from "../../../kernel/index.ts";
import { describeDatabase } from "../databases/migrate-database.ts";
import { loginIdOf } from "../logins/login-id.ts";
import { type PlacementParts, requireDriver, requirePostgres } from "../parts.ts";
import { requireServer } from "../servers/servers.ts";
import {
  type BegunRun,
  countRuns,
  deleteFailedRuns,
  inFile,
  type ScriptPlaceRow,
  type ScriptRow,
  type ScriptScope,
  selectOpenRuns,
  selectScript,
  selectScriptPlaces,
  updateRunEnded,
  updateTransaction,
  upsertRun,
} from "./scripts.sql.ts";

export type ScriptInput = ScriptScope & {
  scriptId: string;
  /** Also where it has been run before. */
  again: boolean;
  /** Everything is taken back at the end. */
  dryRun: boolean;
  requestedBy: string;
};

type Context = StepContext<ScriptInput>;

const atOnce = 4;
/** So often it is looked whether an environment has come to its new place. */
const movingRetryMs = 2_000;

/** Throws `script_failed` for what can't work in any environment. */
export function checkScript(script: Script): void {
  readScript(script);
}

/**
 * Runs a script on environments, each in a transaction of its own and as somebody who reaches nobody else's rows. What
 * fails on one keeps nobody else from it. Exactly once each: before a commit the registry knows its transaction, and
 * whoever goes on after an interruption asks the server what became of it.
 */
export function scriptWorkflow(parts: PlacementParts): Workflow {
  return defineWorkflow<ScriptInput>({
    kind: "script.run",
    version: 1,
    steps: [
      step<ScriptInput>("begin", {
        title: "Take up what failed before",
        run: (context) => context.transaction((tx) => deleteFailedRuns(tx, context.operationId)),
      }),
      step<ScriptInput>("run", {
        title: "Run the script on each environment",
        run: (context) => runAll(parts, context),
        undo: (context) => endOpenRuns(parts, context),
      }),
    ],
  });
}

async function runAll(parts: PlacementParts, context: Context) {
  const script = await selectScript(context.db, context.input.scriptId);
  if (!script) throw failure("not_found", { detail: "The script is gone." });
  const busy = new Set<string>();
  let taking: Promise<unknown> = Promise.resolve();
  // One lane at a time looks for what is next, so that no two take the same.
  const take = () => {
    const next = taking.then(async () => {
      const { again } = context.input;
      const run = { operationId: context.operationId, scriptId: script.id, again, busy: [...busy], limit: 1 };
      const [place] = await selectScriptPlaces(context.db, context.input, run);
      if (place) busy.add(place.environmentId);
      return place;
    });
    taking = next.catch(() => undefined);
    return next;
  };
  const lane = async () => {
    for (let place = await take(); place; place = await take()) {
      context.signal.throwIfAborted();
      await runOne(parts, context, script, place);
      const { succeeded, failed } = await countRuns(context.db, context.operationId);
      await context.progress(0.5, `${succeeded} environments done${failed > 0 ? `, ${failed} failed` : ""}`);
    }
  };
  const lanes = await Promise.allSettled(Array.from({ length: atOnce }, lane));
  for (const ended of lanes) if (ended.status === "rejected") throw ended.reason;
  const run = { operationId: context.operationId, scriptId: script.id, again: context.input.again };
  // Also who was being moved when we came to him, and has arrived since.
  const missed = { ...run, busy: [], limit: 1, moving: true };
  if ((await selectScriptPlaces(context.db, context.input, missed)).length > 0)
    return { waitUntil: new Date(Date.now() + movingRetryMs), message: "Waiting for a tenant that is moved" };
  const counts = await countRuns(context.db, context.operationId);
  if (counts.failed > 0)
    throw failure("script_failed", {
      detail: `It failed on ${counts.failed} of ${counts.failed + counts.succeeded} environments. ${counts.firstError}`,
      remedy: "List the runs with `tenantry script list`. Where it worked it isn't run again.",
    });
  return { environments: counts.succeeded, rowsChanged: counts.rowsChanged };
}

async function runOne(
  parts: PlacementParts,
  context: Context,
  script: ScriptRow,
  place: ScriptPlaceRow,
): Promise<void> {
  const { operationId } = context;
  const { environmentId, databaseId } = place;
  const { scriptId, dryRun, requestedBy } = context.input;
  const key = { operationId, environmentId };
  const run = await runAt(parts, context, place);
  const begun = await context.transaction((tx) =>
    upsertRun(tx, { ...key, databaseId, scriptId, dryRun, requestedBy }),
  );
  // It is waited for in the end.
  if (!begun) return;
  try {
    let { rowsChanged } = begun;
    if ("files" in run) {
      // Whoever copies the file meanwhile looks into it for what it has seen.
      await context.transaction((tx) =>
        updateTransaction(tx, key, { transactionId: inFile, rowsChanged: 0 }),
      );
      ({ rowsChanged } = await run.files.run(context, { ...run.file, script, dryRun }));
    } else if (!(await wasCommitted(context, run, begun.transactionId))) {
      const beforeCommit = (done: { transactionId: string | null; rowsChanged: number }) =>
        context.transaction((tx) => updateTransaction(tx, key, done));
      ({ rowsChanged } = await runScript(context, { ...run, script, dryRun, beforeCommit }));
    }
    await context.transaction((tx) =>
      updateRunEnded(tx, key, { status: "succeeded", rowsChanged, error: null }),
    );
  } catch (error) {
    context.signal.throwIfAborted();
    if (error instanceof LeaseLost || !isAnswer(error)) throw error;
    const ended = { status: "failed" as const, rowsChanged: null, error: recordError(error) };
    await context.transaction((tx) => updateRunEnded(tx, key, ended));
  }
}

/** Of one environment, whoever tries it again; after anything else the whole step is tried again. */
const isAnswer = (error: unknown): boolean =>
  hasCode(error, "script_failed") || hasCode(error, "isolation_unavailable");

/** As a login of its own, on a PostgreSQL. */
type LoginRun = Pick<ScriptRun, "driver" | "place" | "loginId">;
/** On the file itself. */
type FileRun = { files: FileScripts; file: FileScript };
type RunAt = LoginRun | FileRun;

async function runAt(parts: PlacementParts, context: Context, place: ScriptPlaceRow): Promise<RunAt> {
  const { environmentId, databaseId: id, name, roleName, roleSecret, level } = place;
  const { appId } = context.input;
  const server = await requireServer(context.db, parts.secrets, place.serverId);
  const loginId = loginIdOf(context.operationId, environmentId);
  const { fileScripts: files } = requireDriver(parts.drivers, level);
  if (files) {
    const database = describeDatabase(parts, { id, level, name, roleName, roleSecret });
    return { files, file: { server, database, runId: loginId } };
  }
  const database = { name, roleName };
  return {
    driver: requirePostgres(parts.drivers, level),
    place: { server, database, appId, environmentId },
    loginId,
  };
}

/** An interrupted attempt may have been committed by its server without anybody hearing of it. */
async function wasCommitted(context: Context, run: LoginRun, transactionId: string | null): Promise<boolean> {
  if (transactionId === null) return false;
  // First nobody may be left who could still commit it.
  await removeLogin(context, run);
  return (await transactionOutcome(run.place.server, transactionId)) === "committed";
}

/** Nothing of a run that was broken off stays but its record. */
async function endOpenRuns(parts: PlacementParts, context: Context): Promise<void> {
  for (const place of await selectOpenRuns(context.db, context.operationId)) {
    const run = await runAt(parts, context, place);
    const { environmentId, databaseId } = place;
    const key = { operationId: context.operationId, environmentId };
    const begun = await context.transaction((tx) => upsertRun(tx, { ...key, databaseId, ...context.input }));
    const committed = begun && (await outcomeOf(context, run, begun));
    const error = recordError(failure("operation_cancelled", { detail: "It was broken off." }));
    const ended = committed
      ? { status: "succeeded" as const, rowsChanged: committed.rowsChanged, error: null }
      : { status: "failed" as const, rowsChanged: null, error };
    await context.transaction((tx) => updateRunEnded(tx, key, ended));
  }
}

/** What a run that was broken off had changed, if it was committed. */
async function outcomeOf(
  context: Context,
  run: RunAt,
  { transactionId, rowsChanged }: BegunRun,
): Promise<{ rowsChanged: number | null } | undefined> {
  if ("files" in run) return run.files.outcome(run.file);
  await removeLogin(context, run);
  const committed =
    transactionId !== null && (await transactionOutcome(run.place.server, transactionId)) === "committed";
  return committed ? { rowsChanged } : undefined;
}
