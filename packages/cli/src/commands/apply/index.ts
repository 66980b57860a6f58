import type { DomainReply } from "@tenantry/contract";
import { type Command, Option } from "commander";
import { type Context, collect, contextOf, defineCommand, overApi, wholeNumber } from "../../command.ts";
import { confirm } from "../../confirm.ts";
import { parentsFirst } from "../../manifest/order.ts";
import type { TenantPlan } from "../../manifest/plan.ts";
import type { ReadResult } from "../../manifest/read.ts";
import type { DeclaredTenant } from "../../manifest/schema.ts";
import { CliError, type Problem, refusal } from "../../problem.ts";
import { showWaiting } from "../domain/show.ts";
import { inParallel } from "./parallel.ts";
import { countsOf, showPlans } from "./show-plan.ts";

type Options = { file: string[]; dryRun?: boolean; exitCode?: boolean; yes?: boolean; concurrency?: number };
type Declared = { declared: DeclaredTenant; plan: TenantPlan; placeOf: PlaceOf };
type PlaceOf = (field: readonly PropertyKey[]) => string;
type Outcome = TenantPlan & {
  outcome: "done" | "unchanged" | "failed";
  problem?: Problem;
  /** Domains that were added and wait for a record in DNS. */
  waitingDomains?: DomainReply[];
};

/** With --exit-code: something would change. The others are 0, 1 and 2, as ever. */
const wouldChange = 3;

/** `tenantry apply` */
export function applyCommand(): Command {
  const command = defineCommand("apply", {
    summary: "make tenants what files declare: create, change, move, suspend, resume",
    details:
      "Shows the plan and asks before it acts. Fields that are left out and tenants that aren't declared stay as they are; " +
      "nothing is ever deleted. Applying again does what is left, and nothing when all is so.",
    examples: ["apply -f tenants.yaml --yes", "apply -f tenants.yaml --dry-run"],
    calls: [
      ...["showTenant", "listTenantSettings", "createTenant", "followOperation"],
      ...["updateTenant", "changeTenantSettings", "suspendTenant", "resumeTenant", "listSettings"],
      ...["lookUpDomain", "listDomains", "addDomain", "verifyDomain", "removeDomain"],
    ],
  })
    .requiredOption(
      "-f, --file <file>",
      "what is declared, in YAML (repeatable); - for standard input",
      collect,
    )
    .addOption(new Option("--dry-run", "show the plan, and change nothing").conflicts("yes"))
    .option("--exit-code", "with --dry-run: end with 3 when something would change")
    .option("--yes", "without asking")
    .option("--concurrency <number>", "tenants at once; 4 when left out", wholeNumber(1, 16));
  return overApi(command).action(apply);
}

async function apply(options: Options, command: Command): Promise<void> {
  const context = await contextOf(command);
  const { output } = context;
  // Reading YAML and checking it takes time to load, which other commands needn't wait for.
  const { readFiles } = await import("./files.ts");
  const all = await planAll(context, await readFiles(options.file), options);
  const plans = all.map(({ plan }) => plan);
  const counts = countsOf(plans);
  const todo = all.filter(({ plan }) => plan.actions.length > 0).length;
  if (counts.refused > 0 || options.dryRun) {
    output.result({ items: plans, counts }, ({ items }, look) => showPlans(items, look));
    if (counts.refused > 0) throw refused(counts.refused);
    if (options.exitCode && todo > 0) process.exitCode = wouldChange;
    return;
  }
  if (!output.json) output.line(plans, showPlans);
  if (todo > 0 && !options.yes) await confirm(`Do this to ${todo === 1 ? "one tenant" : `${todo} tenants`}?`);
  report(context, await convergeAll(context, all, options));
}

async function planAll(
  { client }: Context,
  { tenants, places }: Omit<ReadResult, "mistakes">,
  { concurrency = 4 }: Options,
): Promise<Declared[]> {
  const { findDeclared } = await import("./converge.ts");
  const { planTenant } = await import("../../manifest/plan.ts");
  const { impossibleDomains, refusedDomains } = await import("./domains.ts");
  const turnsDomainsOn = tenants.some(
    ({ settings = {} }) => settings.customDomains !== undefined && settings.customDomains !== false,
  );
  return inParallel(tenants, concurrency, async (declared) => {
    const placeOf = places.get(declared.slug)!;
    const { existing } = await findDeclared(client, declared);
    const plan = planTenant(declared, existing);
    const refused = turnsDomainsOn ? [] : await refusedDomains(client, declared, plan);
    const impossible = await impossibleDomains(client, declared, existing?.domains);
    const refusals = [...plan.refusals, ...refused, ...impossible].map((one) => ({
      ...one,
      at: placeOf(one.field.split(/[.[\]]+/).filter(Boolean)),
    }));
    return { declared, plan: { ...plan, refusals }, placeOf };
  });
}

async function convergeAll(
  { client, output }: Context,
  all: readonly Declared[],
  { concurrency = 4 }: Options,
): Promise<Outcome[]> {
  const { converge } = await import("./converge.ts");
  const { fetchWaiting } = await import("./domains.ts");
  const todo = all.filter(({ plan }) => plan.actions.length > 0).length;
  let ended = 0;
  const work = async ({ declared, plan, placeOf }: Declared): Promise<Outcome> => {
    if (plan.actions.length === 0) return { ...plan, outcome: "unchanged" };
    try {
      await converge(client, declared, plan);
      const waitingDomains = await fetchWaiting(client, plan);
      output.note(`[${++ended}/${todo}] ${plan.slug}: ${plan.actions.join(", ")}: done`);
      return { ...plan, outcome: "done", ...(waitingDomains.length > 0 && { waitingDomains }) };
    } catch (error) {
      // What isn't a refusal is a mistake in Tenantry: that ends everything.
      if (!(error instanceof CliError)) throw error;
      const problem = placed(error.problem, placeOf);
      output.note(`[${++ended}/${todo}] ${plan.slug}: failed: ${problem.detail ?? problem.title}`);
      return { ...plan, outcome: "failed", problem };
    }
  };
  const outcomes = new Map<string, Promise<Outcome>>();
  // A parent's turn comes first: whoever waits for it here waits for one that has begun.
  const turns = parentsFirst(all.map((one) => ({ ...one.declared, one })));
  await inParallel(turns, concurrency, async ({ slug, parent, one }) => {
    const outcome = Promise.resolve(parent ? outcomes.get(parent) : undefined).then(() => work(one));
    outcomes.set(slug, outcome);
    await outcome;
  });
  return Promise.all(all.map(({ declared }) => outcomes.get(declared.slug)!));
}

function report({ output }: Context, items: readonly Outcome[]): void {
  const count = (outcome: Outcome["outcome"]) => items.filter((one) => one.outcome === outcome).length;
  const counts = { done: count("done"), unchanged: count("unchanged"), failed: count("failed") };
  const waiting = items.flatMap(({ waitingDomains = [] }) => waitingDomains);
  output.result({ items, counts }, (_value, look) =>
    counts.done + counts.failed === 0
      ? "Nothing to do."
      : [
          `${counts.done} done, ${counts.unchanged} unchanged, ${counts.failed} failed.`,
          ...(waiting.length > 0 ? ["", showWaiting(waiting, look)] : []),
        ].join("\n"),
  );
  const failed = items.filter(({ problem }) => problem);
  if (failed.length === 0) return;
  throw refusal("apply_incomplete", `${failed.length} of ${items.length} tenants aren't as declared.`, {
    errors: failed.map(({ slug, problem }) => ({ pointer: "", message: `${slug}: ${told(problem!)}` })),
    remedy: "Run it again when that is mended: it goes on with those.",
  });
}

/** Tells where in the file stands what was refused. */
function placed(problem: Problem, placeOf: PlaceOf): Problem {
  const pointer = problem.errors?.[0]?.pointer;
  if (!pointer?.startsWith("/domains/")) return problem;
  const [, field, index] = pointer.split("/");
  const at = placeOf([field!, Number(index)]);
  return { ...problem, detail: `${at}: ${problem.detail ?? problem.title}` };
}

function told({ title, detail, remedy }: Problem): string {
  return [detail ?? title, remedy].filter(Boolean).join(" ");
}

function refused(count: number): CliError {
  return refusal(
    "not_changeable",
    `Nothing was done: ${count === 1 ? "a tenant" : `${count} tenants`} can't become what is declared.`,
    {
      remedy: "The plan tells why.",
    },
  );
}
