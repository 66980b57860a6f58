import { once } from "node:events";
import { Readable } from "node:stream";
import { goneSignal } from "./operation-reply.ts";
import { principalOf, type Reply, type Request } from "./types.ts";

/**
 * One server-sent event. `data` is sent as JSON; `id` comes back as `Last-Event-ID` after a break. Without data the
 * client only remembers the id.
 */
export type ServerEvent = { event?: string; id?: string; data?: unknown };

const heartbeatMs = 15_000;

/**
 * Streams events until `source` ends, the client goes, its key is ended or the API closes; a comment every 15 s keeps
 * proxies from cutting a quiet line. `source` gets the id the client saw last, and a signal to stop on.
 */
export function sendEvents(
  request: Request,
  reply: Reply,
  source: (options: { lastEventId: string | undefined; signal: AbortSignal }) => AsyncIterable<ServerEvent>,
): Reply {
  const seen = request.headers["last-event-id"];
  const lastEventId = typeof seen === "string" && seen.length <= 200 ? seen : undefined;
  const gone = goneSignal(reply);
  const { keyId } = principalOf(request);
  const signal = AbortSignal.any([gone, reply.server.keyWatch.whileGood(keyId, gone)]);
  // Nothing follows on this connection: a server that closes needn't wait for the client to let go of it.
  reply.type("text/event-stream").header("connection", "close");
  reply.header("cache-control", "no-store").header("x-accel-buffering", "no");
  return reply.send(Readable.from(lines(source({ lastEventId, signal }), signal)));
}

async function* lines(events: AsyncIterable<ServerEvent>, signal: AbortSignal): AsyncGenerator<string> {
  yield "retry: 1000\n\n";
  const iterator = events[Symbol.asyncIterator]();
  const stopped = signal.aborted ? Promise.resolve() : once(signal, "abort");
  const end = stopped.then(() => ({ done: true, value: undefined }) as const);
  try {
    let next = iterator.next();
    while (!signal.aborted) {
      const beat = heartbeat();
      const result = await Promise.race([next, end, beat.due]).finally(beat.cancel);
      if (result === "beat") yield ": still here\n\n";
      else if (result.done) return;
      else {
        yield written(result.value);
        next = iterator.next();
      }
    }
  } finally {
    // Not awaited: a source that sits in a wait of its own ends when it sees the signal.
    void iterator.return?.()?.catch(() => undefined);
  }
}

function heartbeat(): { due: Promise<"beat">; cancel: () => void } {
  let timer: NodeJS.Timeout;
  const due = new Promise<"beat">((resolve) => {
    timer = setTimeout(() => resolve("beat"), heartbeatMs);
  });
  return { due, cancel: () => clearTimeout(timer) };
}

function written({ event, id, data }: ServerEvent): string {
  const head = (id === undefined ? "" : `id: ${id}\n`) + (event === undefined ? "" : `event: ${event}\n`);
  return data === undefined ? `${head}\n` : `${head}data: ${JSON.stringify(data)}\n\n`;
}
