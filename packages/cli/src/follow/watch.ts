import type { OperationReply } from "@tenantry/contract";
import type { Client } from "../api/client.ts";
import { path } from "../api/path.ts";
import { isPassing, reconnecting } from "../api/reconnecting.ts";
import { type CliError, refusal } from "../problem.ts";

const ends: ReadonlySet<string> = new Set(["succeeded", "failed", "cancelled", "needs_operator"]);

/**
 * The states of an operation until its end, over as many connections as that takes: the work goes on without us. Throws
 * when there is no such operation, or when the API stays away.
 */
export async function* watchOperation(
  client: Client,
  id: string,
  pauses?: readonly number[],
): AsyncGenerator<OperationReply> {
  const events = path`/v1/operations/${id}/events`;
  try {
    for await (const { data } of reconnecting(() => client.events<OperationReply>(events), pauses)) {
      yield data;
      if (ends.has(data.status)) return;
    }
  } catch (error) {
    throw isPassing(error) ? lostSight(id, error) : error;
  }
}

function lostSight(id: string, cause: unknown): CliError {
  return refusal("installation_unreachable", "The connection was lost; the operation may still go on.", {
    remedy: `Look again with: tenantry operation watch ${id}`,
    cause,
  });
}
