import pg from "pg";
import type { Log } from "../log/index.ts";

/** A direct connection that hears NOTIFY. It only shortens a poll: whoever relies on it polls as well. */
export type Notifications = {
  /** Calls `hear` for every payload on `channel` until the returned function is called. */
  on(channel: string, hear: (payload: string) => void): () => void;
  close(): Promise<void>;
};

/** Listens on all channels asked for, and connects again (after a quarter of a second) whenever the connection breaks. */
export function createNotifications(options: {
  url: string;
  applicationName: string;
  log: Log;
}): Notifications {
  const listeners = new Map<string, Set<(payload: string) => void>>();
  let client: pg.Client | undefined;
  let closed = false;
  let isAway = false;
  let timer: NodeJS.Timeout | undefined;

  function reconnectLater(): void {
    client = undefined;
    if (closed || timer) return;
    timer = setTimeout(() => {
      timer = undefined;
      void connect();
    }, 250);
    timer.unref();
  }

  async function connect(): Promise<void> {
    const next = new pg.Client({
      connectionString: options.url,
      application_name: options.applicationName,
      keepAlive: true,
      connectionTimeoutMillis: 5_000,
    });
    next.on("error", (error) => options.log.warn({ error: error.message }, "notifications.broken"));
    next.on("end", reconnectLater);
    next.on("notification", ({ channel, payload }) => {
      for (const hear of listeners.get(channel) ?? []) hear(payload ?? "");
    });
    try {
      await next.connect();
      client = next;
      isAway = false;
      for (const channel of listeners.keys()) await listen(next, channel);
    } catch (error) {
      if (!isAway) options.log.warn({ error: (error as Error).message }, "notifications.unreachable");
      isAway = true;
      await next.end().catch(() => undefined);
      reconnectLater();
    }
    if (closed) await next.end().catch(() => undefined);
  }

  // One after another: a client takes one statement at a time.
  let lastListen: Promise<void> = Promise.resolve();
  function listenInTurn(current: pg.Client, channel: string): void {
    lastListen = lastListen.then(() => listen(current, channel)).catch(reconnectLater);
  }

  const connecting = connect();

  return {
    on(channel, hear) {
      const known = listeners.get(channel);
      if (known) known.add(hear);
      else {
        listeners.set(channel, new Set([hear]));
        if (client) listenInTurn(client, channel);
      }
      return () => listeners.get(channel)?.delete(hear);
    },
    async close() {
      closed = true;
      clearTimeout(timer);
      await connecting;
      await client?.end();
    },
  };
}

async function listen(client: pg.Client, channel: string): Promise<void> {
  await client.query(`listen ${pg.escapeIdentifier(channel)}`);
}
