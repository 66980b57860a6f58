import type { OperationReply } from "@tenantry/contract";
import { expect } from "vitest";
import { holdAt, type Point } from "./hold.ts";
import type { Installation } from "./installation.ts";

/**
 * Begins an operation, kills the whole installation with SIGKILL while it is held inside `step`, starts it again and
 * answers the operation's end.
 */
export async function killInside(
  installation: Installation,
  held: { step: string; point: Point },
  begin: () => Promise<string>,
): Promise<OperationReply> {
  await using hold = await holdAt(installation, held.point);
  const operationId = await begin();
  await hold.reached(operationId);
  expect(await statusOf(installation, operationId, held.step)).toBe("running");
  await installation.kill();
  await installation.start();
  await hold.release();
  return installation.api.ended(operationId);
}

async function statusOf(installation: Installation, operationId: string, name: string) {
  const { body } = await installation.api.call<OperationReply>("GET", `/v1/operations/${operationId}`);
  return body.steps.find((step) => step.name === name)?.status;
}
