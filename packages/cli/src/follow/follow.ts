import type { OperationReply } from "@tenantry/contract";
import type { Context } from "../command.ts";
import { CliError } from "../problem.ts";
import { createDisplay, noDisplay } from "./display.ts";
import { watchOperation } from "./watch.ts";

/** Follows an operation, showing its steps as they go; answers it when it succeeded, and throws otherwise. */
export async function followOperation(context: Context, id: string): Promise<OperationReply> {
  const operation = await followToEnd(context, id);
  if (operation.status === "succeeded") return operation;
  throw failureOf(operation);
}

/** The same, whatever the end is. */
export async function followToEnd({ client, output }: Context, id: string): Promise<OperationReply> {
  const display = output.json ? noDisplay : createDisplay(process.stderr);
  const leave = () => {
    display.end();
    output.note(`The operation goes on. Follow it with: tenantry operation watch ${id}`);
    // As every program that ends by Ctrl-C does, so that a shell or a loop around us ends as well.
    process.kill(process.pid, "SIGINT");
  };
  process.once("SIGINT", leave);
  try {
    let latest: OperationReply | undefined;
    for await (const operation of watchOperation(client, id)) {
      latest = operation;
      display.show(operation);
    }
    return latest!;
  } finally {
    process.off("SIGINT", leave);
    display.end();
  }
}

/** What an operation that didn't succeed ends the command with. */
export function failureOf({ id, status, error }: OperationReply): CliError {
  const cancelled = status === "cancelled";
  return new CliError({
    title: error?.title ?? (cancelled ? "The operation was cancelled." : "The operation failed."),
    detail: error?.detail,
    code: error?.code ?? (cancelled ? "operation_cancelled" : "operation_failed"),
    remedy: error?.remedy,
    operationId: id,
  });
}
