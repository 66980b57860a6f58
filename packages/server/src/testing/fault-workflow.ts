import { mkdir, rm } from "node:fs/promises";
import path from "node:path";
import { sql } from "../infra/db/index.ts";
import { defineWorkflow, type StepContext, type Workflow } from "../infra/workflow/index.ts";

/** Where in a step something may go wrong. */
export const faultPoints = ["before", "within", "after"] as const;
export const faultSteps = ["first", "second", "third"] as const;

export type FaultInput = {
  /** Each step makes a directory in here. */
  directory: string;
  /** The step that fails for good, so that all is undone. */
  failing?: string;
};

/** Stops where it is asked to, for as long as it likes. */
export type Breakpoint = (where: string, context: StepContext<FaultInput>) => Promise<void>;

/**
 * Three steps, each with an effect in the registry (a row in `effects`) and one outside (a directory): written as any
 * step should be, to be repeated and undone from wherever it was.
 */
export function faultWorkflow(breakpoint: Breakpoint = async () => undefined): Workflow {
  return defineWorkflow<FaultInput>({
    kind: "test.fault",
    version: 1,
    attempts: 1,
    steps: faultSteps.map((name) => ({
      name,
      title: `The ${name} step`,
      async run(context) {
        const directory = path.join(context.input.directory, name);
        const resource = { kind: "directory", driver: "test", physicalName: directory };
        await breakpoint(`${name} before`, context);
        await context.declareResource(resource);
        await context.transaction(async (tx) => {
          await sql`
            insert into effects (operation_id, step) select ${context.operationId}, ${name}
            where not exists (select 1 from effects where operation_id = ${context.operationId} and step = ${name})
          `.execute(tx);
          await breakpoint(`${name} within`, context);
        });
        await context.assertLease();
        await breakpoint(`${name} proved`, context);
        await mkdir(directory, { recursive: true });
        await context.resourcePresent(resource);
        if (context.input.failing === name) throw new Error("It fails for good.");
        await breakpoint(`${name} after`, context);
        return { directory };
      },
      async undo(context) {
        const directory = path.join(context.input.directory, name);
        await breakpoint(`undo ${name} before`, context);
        await context.assertLease();
        await breakpoint(`undo ${name} proved`, context);
        await rm(directory, { recursive: true, force: true });
        await breakpoint(`undo ${name} within`, context);
        await context.resourceRemoved({ kind: "directory", driver: "test", physicalName: directory });
        await context.transaction((tx) =>
          sql`delete from effects where operation_id = ${context.operationId} and step = ${name}`.execute(tx),
        );
        await breakpoint(`undo ${name} after`, context);
      },
    })),
  });
}
