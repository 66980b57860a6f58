import type { MiddlewareHandler } from "hono";

/**
 * Takes in what no route read of a request's body. Otherwise it would stand in the way of the next request on the same
 * connection, which the gateway shares among visitors; where it can't be taken in, the connection ends with the answer.
 */
export const takeInUnreadBody: MiddlewareHandler = async (context, next) => {
  await next();
  const { raw } = context.req;
  if (raw.bodyUsed || !raw.body) return;
  const close = () => context.header("connection", "close");
  if (raw.body.locked) close();
  // It breaks off when the client goes.
  else await raw.body.pipeTo(new WritableStream()).catch(close);
};
