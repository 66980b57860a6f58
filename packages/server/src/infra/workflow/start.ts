import type { OperationStatus } from "@tenantry/contract";
import { failure, newId, showId } from "../../kernel/index.ts";
import type { Tx } from "../db/index.ts";
import type { Workflow } from "./definition.ts";
import { insertOperation, selectExclusive } from "./start.sql.ts";

export type StartOptions<Input> = {
  workflow: Workflow<Input>;
  input: Input;
  tenantId?: string;
  environmentId?: string;
  /** No other exclusive operation may be open on the environment; true when left out. */
  exclusive?: boolean;
  /** Made by the platform for itself: left out of lists unless asked for. */
  internal?: boolean;
  requestedBy?: string;
  /** Starts waiting, and is taken up at this time. */
  waitUntil?: Date;
};

/**
 * Writes an operation in the caller's transaction; a worker takes it up right after the commit. Answers its UUID.
 * Throws `operation_in_progress` with `operationId` when the environment has another exclusive one; the transaction
 * isn't broken by that.
 */
export async function startOperation<Input>(tx: Tx, options: StartOptions<Input>): Promise<string> {
  const { workflow, environmentId } = options;
  const id = newId();
  // The one in our way may end between the two statements: then there is room after all.
  for (let attempt = 1; ; attempt += 1) {
    const inserted = await insertOperation(tx, {
      id,
      kind: workflow.kind,
      version: workflow.version,
      tenantId: options.tenantId,
      environmentId,
      input: options.input,
      exclusive: options.exclusive ?? true,
      internal: options.internal ?? false,
      requestedBy: options.requestedBy,
      waitUntil: options.waitUntil,
      noReturnOrdinal: noReturnOrdinal(workflow),
      steps: workflow.steps,
    });
    if (inserted) return id;
    const other = environmentId && (await selectExclusive(tx, environmentId));
    if (other) throw operationInProgress(other);
    if (attempt >= 3) throw failure("busy", { retryAfterSeconds: 1 });
  }
}

export function operationInProgress({ id, status }: { id: string; status: OperationStatus }): Error {
  const operationId = showId("op", id);
  const stuck = status === "needs_operator" && {
    detail: "Another operation got stuck here, and waits for an operator.",
    remedy: `Mend what \`tenantry operation show ${operationId}\` says, then run \`tenantry operation retry ${operationId}\`.`,
  };
  return failure("operation_in_progress", { ...stuck, extra: { operationId } });
}

function noReturnOrdinal(workflow: {
  steps: readonly { name: string }[];
  pointOfNoReturn?: string;
}): number | undefined {
  const ordinal = workflow.steps.findIndex((step) => step.name === workflow.pointOfNoReturn);
  return ordinal === -1 ? undefined : ordinal;
}
