import { type ErrorCode, errorCatalogue } from "@tenantry/contract";
import { failure } from "../../kernel/index.ts";
import type { Reply, Request } from "./types.ts";

/** What this helper needs of an operation as the API shows it; `id` is `op_…`. */
export type ShownOperation = {
  id: string;
  status: string;
  error?: { code: string; title: string; detail?: string; remedy?: string } | null;
};

const longestWaitSeconds = 60;

/** The seconds of `Prefer: wait=30` (RFC 7240), at most 60; undefined without one that can be read. */
export function preferredWaitSeconds(request: Request): number | undefined {
  const header = request.headers.prefer;
  for (const preference of (Array.isArray(header) ? header.join(",") : (header ?? "")).split(",")) {
    const seconds = /^\s*wait\s*=\s*"?(\d{1,9})"?\s*(?:;.*)?$/i.exec(preference)?.[1];
    if (seconds !== undefined) return Math.min(Number(seconds), longestWaitSeconds);
  }
  return undefined;
}

/**
 * Answers a request that began an operation. Without `Prefer: wait`: 202, the operation, and where to follow it. With
 * it: waits for the end; still at work → 202; failed or cancelled → its problem with `operationId`; succeeded → what
 * `succeeded` gives (or the operation, 200). The wait ends early when the client goes or the API closes.
 */
export async function replyWithOperation<Operation extends ShownOperation, Result>(
  request: Request,
  reply: Reply,
  options: {
    operation: Operation;
    /** Resolves with the operation as soon as it has ended, or as it stands when time is up or `signal` aborts. */
    waitForEnd(operationId: string, waitMs: number, signal: AbortSignal): Promise<Operation>;
    /** `location` is where the thing that was made is found. */
    succeeded?: (operation: Operation) => Promise<{ status: number; body: Result; location?: string }>;
  },
): Promise<Operation | Result> {
  const waitSeconds = preferredWaitSeconds(request);
  let operation = options.operation;
  if (waitSeconds !== undefined) {
    reply.header("preference-applied", `wait=${waitSeconds}`);
    operation = await options.waitForEnd(operation.id, waitSeconds * 1_000, goneSignal(reply));
  }
  if (operation.status === "failed" || operation.status === "cancelled") {
    reply.header("location", whereToFollow(operation));
    throw failureOf(operation);
  }
  if (operation.status !== "succeeded") return acceptOperation(reply, operation);
  reply.header("location", whereToFollow(operation));
  const result = await options.succeeded?.(operation);
  if (result?.location) reply.header("location", result.location);
  reply.code(result?.status ?? 200);
  return result ? result.body : operation;
}

/** 202, the operation as it stands, and where to follow it. */
export function acceptOperation<Operation extends ShownOperation>(
  reply: Reply,
  operation: Operation,
): Operation {
  reply.code(202).header("location", whereToFollow(operation));
  return operation;
}

const whereToFollow = ({ id }: ShownOperation): string => `/v1/operations/${id}`;

/** Aborts when the client is gone or the API begins to close. */
export function goneSignal(reply: Reply): AbortSignal {
  const gone = new AbortController();
  if (reply.raw.destroyed) gone.abort();
  else reply.raw.once("close", () => gone.abort());
  return AbortSignal.any([gone.signal, reply.server.drainSignal]);
}

function failureOf(operation: ShownOperation) {
  const extra = { operationId: operation.id };
  if (operation.status === "cancelled") return failure("operation_cancelled", { extra });
  const { code, title, detail, remedy } = operation.error ?? { code: "operation_failed", title: undefined };
  const known = code in errorCatalogue ? (code as ErrorCode) : "operation_failed";
  return failure(known, { detail: detail ?? title, remedy, extra });
}
