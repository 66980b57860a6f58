import type { OperationReply } from "@tenantry/contract";
import { type Db, inTransaction, type Notifications } from "../../infra/db/index.ts";
import { cancelAtOnce, hasEnded, retryOperation, watchOperation } from "../../infra/workflow/index.ts";
import { failure, parseId } from "../../kernel/index.ts";
import { viewOperation } from "./operation-view.ts";
import {
  type OperationFilter,
  type OperationRow,
  selectOperation,
  selectOperations,
} from "./operations.sql.ts";

export type Operations = {
  /** Rows, the newest first. */
  list(filter: OperationFilter, page: { limit: number; after: string | undefined }): Promise<OperationRow[]>;
  /** Throws `operation_not_found`, also for an id that is none. Ids are `op_…` here and below. */
  show(id: string): Promise<OperationReply>;
  /** Asks for it to be turned back, and answers how it stands now. Repeatable. Throws `illegal_transition`. */
  cancel(id: string): Promise<OperationReply>;
  /** Sends it forward again. Throws `illegal_transition`, or `operation_in_progress` when its environment is busy. */
  retry(id: string): Promise<OperationReply>;
  /** Answers as soon as it has ended or needs an operator; after `waitMs` or once `signal` aborts, as it then stands. */
  waitForEnd(id: string, waitMs: number, signal: AbortSignal): Promise<OperationReply>;
  /** The operation as it stands, and again after every visible change, until it has ended or `signal` aborts. */
  follow(id: string, signal: AbortSignal): AsyncGenerator<OperationReply>;
};

export type OperationsOptions = {
  db: Db;
  notifications: Notifications;
  /** Waited for before an end is told: until what the operation did holds everywhere. */
  settled: () => Promise<void>;
};

export function createOperations({ db, notifications, settled }: OperationsOptions): Operations {
  async function show(id: string): Promise<OperationReply> {
    const row = await selectOperation(db, requireOperationId(id));
    if (!row) throw failure("operation_not_found");
    if (hasEnded(row.status)) await settled();
    return viewOperation(row);
  }

  async function change(id: string, work: (uuid: string) => Promise<void>): Promise<OperationReply> {
    await work(requireOperationId(id));
    return show(id);
  }

  async function* follow(id: string, signal: AbortSignal): AsyncGenerator<OperationReply> {
    let last = "";
    for await (const _change of watchOperation(notifications, requireOperationId(id), signal)) {
      const operation = await show(id);
      const text = JSON.stringify(operation);
      if (text !== last) yield operation;
      last = text;
      if (hasEnded(operation.status)) return;
    }
  }

  return {
    list: (filter, page) => selectOperations(db, filter, page),
    show,
    cancel: (id) => change(id, (uuid) => cancelAtOnce(db, uuid)),
    retry: (id) => change(id, (uuid) => inTransaction(db, (tx) => retryOperation(tx, uuid))),
    follow,
    async waitForEnd(id, waitMs, signal) {
      const enough = AbortSignal.any([signal, AbortSignal.timeout(waitMs)]);
      for await (const operation of follow(id, enough))
        if (hasEnded(operation.status) || operation.status === "needs_operator") return operation;
      return show(id);
    },
  };
}

function requireOperationId(id: string): string {
  const uuid = parseId("op", id);
  if (uuid === undefined) throw failure("operation_not_found");
  return uuid;
}
