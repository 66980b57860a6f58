import { insertLedger, onlyLedger } from "../../common/ledger.sql.ts";
import { firstWords } from "../../common/split-statements.ts";
import { createEntrance } from "./environments.ts";
import { finishFile } from "./finish.ts";
import type { PlannedFile, PlannedStep } from "./planned.ts";
import {
  insertStep,
  isAdmitted,
  isFinished,
  isIndexReady,
  isStepDone,
  lockLedger,
  nobody,
  selectEnvironmentsLeft,
} from "./run.sql.ts";
import { type Application, beginWithLocks, requireSealed } from "./run.ts";
import { applyForm, becomeMaker, inEnvironments } from "./steps.ts";

/**
 * A file without a transaction: each change of the schema by itself, and each statement about rows in each environment by
 * itself, noted in the transaction that does it. Whoever comes after an interruption goes on behind the last note. No
 * environment joins before it is through.
 */
export async function applyInSteps(run: Application, planned: PlannedFile): Promise<boolean> {
  const { client } = run;
  const { ordinal } = planned.file.migration;
  const isDue = await beginWithLocks(run, async () => {
    await lockLedger(client);
    if (await isFinished(client, ordinal)) return false;
    await insertLedger(client, onlyLedger, planned.file.migration, false);
    return true;
  });
  await client.query("commit");
  if (!isDue) return false;
  for (const { steps, step } of together(planned.steps)) {
    await run.context.assertLease();
    run.context.signal.throwIfAborted();
    const at = { ordinal, step };
    if (steps[0]!.as === "environment") await rowsStep(run, steps[0]!, at);
    else await formStep(run, planned, steps, at);
  }
  await beginWithLocks(run, () => lockLedger(client));
  await finishFile(run, planned);
  await client.query("discard all");
  return true;
}

type At = { ordinal: number; step: number };

type Group = { steps: PlannedStep[]; step: number };

/** What one statement does to the schema is one step: a new table comes with its seal. */
function together(steps: readonly PlannedStep[]): Group[] {
  const groups: Group[] = [];
  for (const [index, step] of steps.entries()) {
    const last = groups.at(-1);
    const [first] = last?.steps ?? [];
    const belongs =
      first?.statement === step.statement && first.as !== "environment" && step.as !== "environment";
    if (belongs) last!.steps.push(step);
    else groups.push({ steps: [step], step: index });
  }
  return groups;
}

async function formStep(
  run: Application,
  planned: PlannedFile,
  steps: readonly PlannedStep[],
  at: At,
): Promise<void> {
  const { client } = run;
  if (steps.length === 1 && isConcurrent(steps[0]!)) return concurrentStep(run, steps[0]!, at);
  await beginWithLocks(run, async () => {
    await lockLedger(client);
    if (await isStepDone(client, at, nobody)) return;
    for (const step of steps) await applyForm(run, step);
    await client.query("set local role none; set local search_path = pg_catalog");
    await requireSealed(run, planned.file);
    await insertStep(client, at, nobody);
  });
  await client.query("commit");
}

async function rowsStep(run: Application, step: PlannedStep, at: At): Promise<void> {
  const { client } = run;
  const left = await selectEnvironmentsLeft(client, at);
  for (const [index, environment] of left.entries()) {
    await beginWithLocks(run, () => lockLedger(client));
    // It may have left since.
    if ((await isAdmitted(client, environment)) && !(await isStepDone(client, at, environment))) {
      await inEnvironments(run, createEntrance(client, run.seal), [step], [environment]);
      await client.query("set local search_path = pg_catalog");
      await insertStep(client, at, environment);
    }
    await client.query("commit");
    if (index % 50 === 49) {
      await run.context.assertLease();
      await run.progress(index + 1, left.length);
    }
  }
}

const isConcurrent = ({ statement, statements }: PlannedStep): boolean =>
  statements.length === 1 &&
  /^create (unique )?index /.test(statements[0]!) &&
  firstWords(statement, 4).includes("concurrently");

/** No transaction holds it: what an interrupted one left is invalid and goes first. */
async function concurrentStep(run: Application, step: PlannedStep, at: At): Promise<void> {
  const { client } = run;
  await client.query("set role none");
  const isDone = await isStepDone(client, at, nobody);
  await becomeMaker(run, step, false);
  const [statement] = step.statements;
  const [, name] = /^create (?:unique )?index ("(?:[^"]|"")+")/.exec(statement!)!;
  if (!isDone && (await isIndexReady(client, name!)) !== true) {
    await client.query(`drop index if exists ${name}`);
    await client.query(statement!.replace(/^create (unique )?index /, "create $1index concurrently "));
  }
  await client.query("set role none");
  if (!isDone) await insertStep(client, at, nobody);
  await client.query("reset search_path; reset check_function_bodies; reset role");
}
