import type { OperationReply } from "@tenantry/contract";
import { Listr } from "listr2";
import type { Client } from "./client.ts";
import type { Output } from "./output.ts";
import { CliError } from "./problem.ts";

const ended = new Set(["succeeded", "failed", "cancelled", "needs_operator"]);

/** Follows an operation to its end, showing its steps as they go; throws when it doesn't succeed. */
export async function followOperation(client: Client, id: string, output: Output): Promise<OperationReply> {
  const watched = watch(client, id);
  if (!output.json) await showSteps(watched);
  const operation = await watched.last;
  if (operation.status === "succeeded") return operation;
  throw failed(operation);
}

export function failed(operation: OperationReply): CliError {
  const { error, status, id } = operation;
  const title =
    error?.title ?? (status === "cancelled" ? "The operation was cancelled." : "The operation failed.");
  const problem = { title, status: 500, detail: error?.detail, code: error?.code, operationId: id };
  return new CliError(error?.detail ?? title, { problem, remedy: error?.remedy });
}

type Watched = {
  first: Promise<OperationReply>;
  last: Promise<OperationReply>;
  /** Resolves when the step at `index` is over, one way or another. */
  stepOver(index: number): Promise<OperationReply>;
};

function watch(client: Client, id: string): Watched {
  const seen: OperationReply[] = [];
  const waiting = new Set<() => void>();
  const abort = new AbortController();
  const until = (isTrue: (operation: OperationReply) => boolean) =>
    new Promise<OperationReply>((resolve, reject) => {
      const look = () => {
        const operation = seen.at(-1);
        if (!operation || !(isTrue(operation) || ended.has(operation.status))) return;
        waiting.delete(look);
        resolve(operation);
      };
      waiting.add(look);
      reading.catch(reject);
      look();
    });
  const reading = read();

  async function read(): Promise<void> {
    for (;;) {
      for await (const operation of client.events<OperationReply>(
        `/v1/operations/${id}/events`,
        abort.signal,
      )) {
        seen.push(operation);
        for (const look of waiting) look();
        if (ended.has(operation.status)) return;
      }
    }
  }

  return {
    first: until(() => true),
    last: until(() => false),
    stepOver: (index) =>
      until(({ steps }) => ["done", "failed", "undone"].includes(steps[index]?.status ?? "")),
  };
}

async function showSteps(watched: Watched): Promise<void> {
  const { steps } = await watched.first;
  const tasks = new Listr(
    steps.map(({ title }, index) => ({
      title,
      task: async (_context: unknown, task: { title: string }) => {
        const operation = await watched.stepOver(index);
        const step = operation.steps[index]!;
        if (step.status !== "done") throw new Error(step.error?.detail ?? step.error?.title ?? title);
        if (step.tookMs !== null) task.title = `${title} (${Math.round(step.tookMs)} ms)`;
      },
    })),
    { renderer: process.stdout.isTTY ? "default" : "simple", exitOnError: true },
  );
  // The operation itself tells the reason at the end; here only the step is marked.
  await tasks.run().catch(() => undefined);
}
