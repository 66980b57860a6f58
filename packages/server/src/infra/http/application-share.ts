import { failure, Shares } from "../../kernel/index.ts";
import type { Api, Request } from "./types.ts";

/** Requests of applications that may be under way in this process, of all together: they share its way to the registry. */
const mostUnderWay = 512;
/** What goes on after its client has gone is over by then. */
const longestAloneMs = 60_000;

/**
 * Lets no application keep the others, and us, from the registry: its requests aren't counted by the minute, but how many
 * are under way is. An event stream counts until it begins. A further request is `busy`. Call it after what finds out who
 * asks.
 */
export function shareAmongApplications(api: Api, most = mostUnderWay): void {
  const shares = new Shares(most);
  const held = new WeakMap<Request, string>();

  function giveBack(request: Request): void {
    const appId = held.get(request);
    if (appId !== undefined && held.delete(request)) shares.giveBack(appId);
  }

  api.addHook("onRequest", async (request, reply) => {
    const { principal } = request;
    if (principal?.kind !== "app") return;
    if (!shares.mayTake(principal.appId)) throw failure("busy", { retryAfterSeconds: 1 });
    shares.take(principal.appId);
    held.set(request, principal.appId);
    // Whoever goes before the answer still has his work under way.
    reply.raw.once("close", () => {
      if (held.has(request)) setTimeout(() => giveBack(request), longestAloneMs).unref();
    });
  });
  api.addHook("onSend", async (request) => giveBack(request));
}
