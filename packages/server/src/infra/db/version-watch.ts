import type { Log } from "../log/index.ts";
import type { Db } from "./connection.ts";
import type { Notifications } from "./notifications.ts";
import { type StreamName, streamVersion } from "./streams.ts";

/** Tells when a stream moves. */
export type VersionWatch = {
  /** Yields the version now and whenever it moved, at once or a little later; skips versions it is too slow for. */
  changes(signal: AbortSignal): AsyncGenerator<number>;
};

const pollMs = 500;

/**
 * One look at the registry twice a second for however many listen, and none while nobody does. A notification shortens
 * the wait.
 */
export function createVersionWatch(deps: {
  db: Db;
  notifications: Notifications;
  log: Log;
  stream: StreamName;
}): VersionWatch {
  const listeners = new Set<() => void>();
  let version = -1;
  let timer: NodeJS.Timeout | undefined;
  let unhear: (() => void) | undefined;
  let failing = false;

  function learn(next: number): void {
    if (next <= version) return;
    version = next;
    for (const wake of listeners) wake();
  }

  async function look(): Promise<void> {
    try {
      learn(await streamVersion(deps.db, deps.stream));
      failing = false;
    } catch (error) {
      if (!failing)
        deps.log.warn({ stream: deps.stream, error: (error as Error).message }, "stream.version_unknown");
      failing = true;
    }
    if (listeners.size > 0) timer = setTimeout(look, pollMs);
  }

  function join(wake: () => void): void {
    listeners.add(wake);
    if (listeners.size > 1) return;
    unhear = deps.notifications.on("tenantry_stream", (payload) => {
      const [stream, moved] = payload.split(":");
      if (stream === deps.stream) learn(Number(moved));
    });
    clearTimeout(timer);
    void look();
  }

  function leave(wake: () => void): void {
    listeners.delete(wake);
    if (listeners.size > 0) return;
    clearTimeout(timer);
    unhear?.();
    // What happens while nobody listens isn't noticed: the next one to come looks anew.
    version = -1;
  }

  return {
    async *changes(signal) {
      let moved = Promise.withResolvers<void>();
      const wake = (): void => moved.resolve();
      signal.addEventListener("abort", wake);
      join(wake);
      let told = -1;
      try {
        while (!signal.aborted) {
          if (version <= told) {
            await moved.promise;
            moved = Promise.withResolvers();
            continue;
          }
          told = version;
          yield told;
        }
      } finally {
        leave(wake);
        signal.removeEventListener("abort", wake);
      }
    },
  };
}
