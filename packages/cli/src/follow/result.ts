import type { OperationReply } from "@tenantry/contract";
import type { Context } from "../command.ts";
import { followOperation } from "./follow.ts";

/**
 * Asks for something that takes a moment, or longer: then it is followed, as all long work is, and asked for again with
 * the id of the operation that found it. `bodyOf` is given that of the last one.
 */
export async function fetchResult<Reply extends object>(
  context: Context,
  target: string,
  bodyOf: (operationId: string | undefined) => object,
): Promise<Reply> {
  let operationId: string | undefined;
  for (;;) {
    const { body } = await context.client.call<Reply | OperationReply>("POST", target, {
      body: bodyOf(operationId),
      waitSeconds: 2,
    });
    if (!("steps" in body)) return body;
    ({ id: operationId } = await followOperation(context, body.id));
  }
}
