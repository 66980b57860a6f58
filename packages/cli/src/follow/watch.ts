import { setTimeout as delay } from "node:timers/promises";
import type { OperationReply } from "@tenantry/contract";
import type { Client } from "../api/client.ts";
import { path } from "../api/path.ts";
import { CliError, refusal } from "../problem.ts";

const ends: ReadonlySet<string> = new Set(["succeeded", "failed", "cancelled", "needs_operator"]);

/** Milliseconds before each new attempt to connect; an answer in between starts them anew. About half a minute. */
const patience: readonly number[] = [100, 250, 500, 1000, 2000, 4000, 8000, 8000, 8000];

/**
 * The states of an operation until its end. A connection that breaks is made anew: a restart of the API mustn't end the
 * watch, since the work goes on. Throws when the operation isn't there, or the API stays away.
 */
export async function* watchOperation(
  client: Client,
  id: string,
  pauses: readonly number[] = patience,
): AsyncGenerator<OperationReply> {
  const events = path`/v1/operations/${id}/events`;
  for (let failures = 0; ; failures++) {
    try {
      for await (const operation of client.events<OperationReply>(events)) {
        failures = 0;
        yield operation;
        if (ends.has(operation.status)) return;
      }
    } catch (error) {
      if (!isPassing(error)) throw error;
      if (failures >= pauses.length) throw lostSight(id, error);
    }
    if (failures >= pauses.length) throw lostSight(id, undefined);
    await delay(pauses[failures]);
  }
}

function isPassing(error: unknown): boolean {
  if (!(error instanceof CliError)) return false;
  const { code, status } = error.problem;
  return code === "installation_unreachable" || status === 503 || status === 429;
}

function lostSight(id: string, cause: unknown): CliError {
  return refusal("installation_unreachable", "The connection was lost; the operation may still go on.", {
    remedy: `Look again with: tenantry operation watch ${id}`,
    cause,
  });
}
