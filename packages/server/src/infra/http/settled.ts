import type { Api } from "./types.ts";

const changesNothing = new Set(["GET", "HEAD", "OPTIONS"]);

/**
 * Holds replies to changes back until `settled`, so that a client which was told of a change finds it everywhere; those
 * of reads only where the route wants it. What applications ask for changes nothing that others follow.
 */
export function replyWhenSettled(api: Api, settled: () => Promise<void>): void {
  api.addHook("onSend", async (request, reply) => {
    const isWaitedFor = request.routeOptions.config.settled ?? !changesNothing.has(request.method);
    if (isWaitedFor && reply.statusCode < 400 && request.principal?.kind !== "app") await settled();
  });
}
