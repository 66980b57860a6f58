import type pg from "pg";
import { type Connect, openClient } from "../drivers/database/common/session.ts";

/**
 * Connections of a process that is killed before it sends a statement of a number: all of them are gone at once, and
 * nothing more is sent. The server takes back what wasn't committed.
 */
export function createCutter() {
  const open = new Set<pg.Client>();
  let sent = 0;
  let cutAt = Number.POSITIVE_INFINITY;
  function kill(): void {
    for (const client of open) {
      (client as unknown as { connection: { stream: { destroy(): void } } }).connection.stream.destroy();
    }
    open.clear();
  }
  const connect: Connect = async (config) => {
    if (sent >= cutAt) throw new Error("killed");
    const client = await openClient(config);
    open.add(client);
    const query = client.query.bind(client) as (...given: unknown[]) => Promise<unknown>;
    Object.assign(client, {
      query: async (...given: unknown[]) => {
        sent += 1;
        if (sent >= cutAt) {
          kill();
          throw new Error("killed");
        }
        return query(...given);
      },
    });
    return client;
  };
  return {
    connect,
    /** Runs work as a process that is killed before its `at`th statement; answers how many it sent. */
    async run(at: number, work: () => Promise<unknown>): Promise<{ killed: boolean; sent: number }> {
      sent = 0;
      cutAt = at;
      try {
        const killed = await work().then(
          () => false,
          (error: unknown) => {
            if (sent < at) throw error;
            return true;
          },
        );
        return { killed, sent };
      } finally {
        cutAt = Number.POSITIVE_INFINITY;
      }
    },
  };
}
