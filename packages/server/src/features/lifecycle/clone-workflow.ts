import { type Step, type StepContext, step, type Workflow } from "../../infra/workflow/index.ts";
import { failure } from "../../kernel/index.ts";
import { copyUsers, deleteUsersOfTenant } from "../access/index.ts";
import { carryRuns, deleteRunsOf, inTurn, type Placements, type RowsCopied } from "../placements/index.ts";
import { copyStorage, type StoragePlaces } from "../storages/index.ts";
import { type ProvisionInput, provisionWorkflow } from "./provision-workflow.ts";

export type CloneInput = ProvisionInput & {
  source: { tenantId: string; environmentId: string };
  include: { storage: boolean; users: boolean };
};

type Context = StepContext<CloneInput>;
type Dependencies = { placements: Placements; storage: StoragePlaces; rootDomain: string };

/** A tenant that is made like any other, and filled with what another one has [REG-11]. */
export function cloneWorkflow(deps: Dependencies): Workflow<CloneInput> {
  const { steps, ended } = provisionWorkflow(deps);
  const filling = fillingSteps(deps);
  return {
    kind: "tenant.clone",
    version: 1,
    steps: steps.flatMap((one) => [one, ...(filling[one.name] ?? [])] as Step<CloneInput>[]),
    ended,
  };
}

/** By the step that each comes after. Rows go before files: a row's file is there when the row is. */
function fillingSteps({ placements, storage }: Dependencies): Record<string, Step<CloneInput>[]> {
  return {
    "create-database": [
      step<CloneInput>("copy-rows", {
        title: "Copy the rows",
        run: (context) => inTurn(() => placements.copyRows(context, between(context))),
      }),
    ],
    "initialise-storage": [
      step<CloneInput>("copy-files", {
        title: "Copy the stored files",
        run: (context) => copyFiles(placements, storage, context),
      }),
    ],
    "create-admin": [
      step<CloneInput>("copy-users", {
        title: "Copy the users",
        run: usersOf,
        undo: (context) => context.transaction((tx) => deleteUsersOfTenant(tx, context.tenantId!)),
      }),
      step<CloneInput>("carry-scripts", {
        title: "Note which scripts the rows have seen",
        run: carryScripts,
        undo: (context) => context.transaction((tx) => deleteRunsOf(tx, context.environmentId!)),
      }),
    ],
  };
}

const between = ({ input, environmentId }: Context) => ({
  from: input.source.environmentId,
  to: environmentId!,
});

async function copyFiles(placements: Placements, storage: StoragePlaces, context: Context) {
  if (!context.input.include.storage) return { objects: 0 };
  const { from, to } = between(context);
  const places = await placements.examinePlaces(context.db, [from, to]);
  const [source, target] = [places.get(from)?.storage, places.get(to)!.storage!];
  if (!source) throw failure("environment_unavailable", { detail: "The source has no files any more." });
  return copyStorage(storage, context, { from: source, to: target });
}

async function usersOf(context: Context): Promise<{ users: number }> {
  if (!context.input.include.users) return { users: 0 };
  const { tenantId: from } = context.input.source;
  const users = await context.transaction((tx) => copyUsers(tx, { from, to: context.tenantId! }));
  return { users };
}

async function carryScripts(context: Context): Promise<{ scripts: number }> {
  const { snapshot, runs } = context.results["copy-rows"] as RowsCopied;
  const seen = { ...between(context), snapshot, ...(runs && { runs }) };
  const scripts = await context.transaction((tx) => carryRuns(tx, seen));
  if (scripts !== undefined) return { scripts };
  throw failure("unavailable", { detail: "A script that the rows have seen isn't noted as done yet." });
}
