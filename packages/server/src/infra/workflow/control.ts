import type { OperationStatus } from "@tenantry/contract";
import { failure, mayMove } from "../../kernel/index.ts";
import { type Db, inTransaction, type Tx } from "../db/index.ts";
import {
  announceCancel,
  isPastReturn,
  selectForControl,
  updateCancelling,
  updateGoingBackAgain,
  updateQueuedAgain,
} from "./control.sql.ts";
import { interruptingStep } from "./interrupt.ts";
import { operationTransitions } from "./operation-state.ts";
import { selectExclusive } from "./start.sql.ts";
import { operationInProgress } from "./start.ts";

/**
 * Turns an operation back in a transaction of its own, and at once: a step that is in the middle of a transaction
 * doesn't get to its end. Otherwise like `cancelOperation`.
 */
export async function cancelAtOnce(db: Db, operationId: string): Promise<void> {
  const cancel = async (tx: Tx): Promise<void> => {
    await announceCancel(tx, operationId);
    await cancelOperation(tx, operationId);
  };
  await interruptingStep(db, operationId, () => inTransaction(db, cancel));
}

/**
 * Asks for an operation to be turned back: the step at hand is aborted, and all that was done is undone. Repeatable.
 * Throws `operation_not_found`, or `illegal_transition` for one that has ended, is being undone already, or is past its
 * point of no return.
 */
export async function cancelOperation(tx: Tx, operationId: string): Promise<void> {
  // Asked before the lock as well: the step that holds it may take its time, and there is no way back from it.
  await refusePastReturn(tx, operationId);
  const { status } = await find(tx, operationId);
  if (status === "cancelling") return;
  requireMove(status, "cancelling");
  await refusePastReturn(tx, operationId);
  await updateCancelling(tx, operationId);
}

async function refusePastReturn(tx: Tx, operationId: string): Promise<void> {
  if (await isPastReturn(tx, operationId))
    throw failure("illegal_transition", {
      detail: "The operation is past the point from which it could be undone.",
    });
}

/**
 * Lets an operation go on. A failed one, or one that an operator had to look after, goes forward again from its first
 * step that isn't done; one that got stuck while it was undone goes on being undone. Throws `operation_not_found`, `illegal_transition`, or `operation_in_progress` when the environment is busy.
 */
export async function retryOperation(tx: Tx, operationId: string): Promise<void> {
  const operation = await find(tx, operationId);
  requireMove(operation.status, "queued");
  if (operation.stuckOnItsWayBack) return updateGoingBackAgain(tx, operationId);
  const { environmentId, exclusive } = operation;
  if (await updateQueuedAgain(tx, operationId)) return;
  const other = exclusive && environmentId && (await selectExclusive(tx, environmentId));
  throw other ? operationInProgress(other) : failure("busy", { retryAfterSeconds: 1 });
}

async function find(tx: Tx, operationId: string) {
  const row = await selectForControl(tx, operationId);
  if (!row) throw failure("operation_not_found");
  return row;
}

function requireMove(from: OperationStatus, to: OperationStatus): void {
  const verdict = mayMove(operationTransitions, "operation", from, to);
  if (!verdict.allowed) throw failure("illegal_transition", { detail: verdict.reason });
}
