import type { Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import type { Api } from "./types.ts";

const underWay = new WeakMap<object, Set<Socket>>();
/** Connections on which half a request stands have no name for us; nobody waits for them. */
const cutGraceMs = 500;

/** Lets `closeApi` know which connections wait for an answer. */
export function rememberRequests(api: Api): void {
  const sockets = new Set<Socket>();
  underWay.set(api.server, sockets);
  api.addHook("onRequest", async (request, reply) => {
    const { socket } = request.raw;
    sockets.add(socket);
    reply.raw.once("close", () => sockets.delete(socket));
  });
}

/** Takes no more requests, ends event streams, lets requests finish for `drainMs` and cuts what is left. */
export async function closeApi(api: Api, { drainMs }: { drainMs: number }): Promise<void> {
  const timer = new AbortController();
  const late = delay(drainMs, "late", { signal: timer.signal }).catch(() => "stopped");
  const closing = api.close();
  if ((await Promise.race([closing, late])) !== "late") return timer.abort();
  for (const socket of underWay.get(api.server) ?? []) socket.destroy();
  await Promise.race([closing, delay(cutGraceMs)]);
}
