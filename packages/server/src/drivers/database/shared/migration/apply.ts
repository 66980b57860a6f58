import { reference } from "../../common/emit/quote.ts";
import { applyInSteps } from "./apply-in-steps.ts";
import { createEntrance } from "./environments.ts";
import { finishFile } from "./finish.ts";
import type { PlannedFile, PlannedStep } from "./planned.ts";
import { isFinished, lockLedger, selectEnvironments } from "./run.sql.ts";
import { type Application, beginWithLocks, withinFile } from "./run.ts";
import { applyForm, inEnvironments } from "./steps.ts";

/**
 * Brings the database over one file, for all environments or for none: what it makes is sealed when it appears, and a
 * failure leaves everything as it was. A file without a transaction goes step by step instead, and goes on where it was
 * left. False, and nothing happens, when the ledger says that it was done.
 */
export async function applyPlanned(run: Application, planned: PlannedFile): Promise<boolean> {
  const { file } = planned;
  return withinFile(run, file, async () => {
    if (!file.transactional) return applyInSteps(run, planned);
    const isDue = await beginWithLocks(run, () => takeLocks(run, planned));
    if (!isDue) {
      await run.client.query("rollback");
      return false;
    }
    await applySteps(run, planned.steps, await selectEnvironments(run.client));
    await finishFile(run, planned);
    await run.client.query("discard all");
    return true;
  });
}

async function takeLocks({ client }: Application, { file, locks }: PlannedFile): Promise<boolean> {
  await lockLedger(client);
  if (await isFinished(client, file.migration.ordinal)) return false;
  for (const [mode, tables] of [
    ["access exclusive", locks.exclusive],
    ["share", locks.share],
  ] as const) {
    if (tables.length === 0) continue;
    const names = tables.map((table) => reference(table)).join(", ");
    await client.query(`set local search_path = public; lock table ${names} in ${mode} mode`);
  }
  return true;
}

async function applySteps(
  run: Application,
  steps: readonly PlannedStep[],
  environments: readonly string[],
): Promise<void> {
  const entrance = createEntrance(run.client, run.seal);
  let entered = false;
  for (const group of grouped(steps)) {
    if (group[0]!.as === "environment") {
      await inEnvironments(run, entrance, group, environments);
      entered ||= environments.length > 0;
      continue;
    }
    if (entered) await entrance.leave();
    entered = false;
    for (const step of group) await applyForm(run, step);
  }
}

/** Steps that follow each other and are all about rows need each environment entered once only. */
function grouped(steps: readonly PlannedStep[]): PlannedStep[][] {
  const groups: PlannedStep[][] = [];
  for (const step of steps) {
    const last = groups.at(-1);
    if (last && last[0]!.as === step.as) last.push(step);
    else groups.push([step]);
  }
  return groups;
}
