import { setTimeout as delay } from "node:timers/promises";
import { type EmbeddedPostgres, type EmbeddedPostgresOptions, startEmbeddedPostgres } from "./embedded.ts";

/** A server that comes back: where it is stays the same for as long as it is kept. */
export type KeptPostgres = Pick<EmbeddedPostgres, "url" | "port" | "version" | "stop"> & {
  /** Resolves at once while it runs, and once it is back while it is being started again; never after `stop`. */
  running(): Promise<void>;
};

const pauseMs = 1_000;

/**
 * Starts or adopts a server as `startEmbeddedPostgres` does, and whenever it dies starts it again on its port, which
 * everyone knows it by, until `stop`.
 */
export async function keepEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<KeptPostgres> {
  const { log } = options;
  let postgres = await startEmbeddedPostgres(options);
  const { url, port, version } = postgres;
  const stopping = new AbortController();
  const { signal } = stopping;
  let running = Promise.resolve();

  async function startAgain(): Promise<void> {
    while (!signal.aborted) {
      try {
        postgres = await startEmbeddedPostgres({ ...options, port, signal });
        return;
      } catch (error) {
        if (signal.aborted) return;
        log.error({ error: (error as Error).message }, "postgres.restart-failed");
        await delay(pauseMs, undefined, { signal }).catch(() => undefined);
      }
    }
  }

  async function keepRunning(): Promise<void> {
    while (!signal.aborted) {
      await postgres.exited;
      const back = Promise.withResolvers<void>();
      running = back.promise;
      await postgres.stop();
      await startAgain();
      if (!signal.aborted) back.resolve();
    }
  }
  const keeping = keepRunning();

  return {
    url,
    port,
    version,
    running: () => running,
    async stop(how) {
      stopping.abort();
      await postgres.stop(how);
      await keeping;
      // One that was just being started again.
      await postgres.stop(how);
    },
  };
}
