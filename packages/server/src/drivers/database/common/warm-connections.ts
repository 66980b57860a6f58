import { wasCutOff } from "./cut-off.ts";
import { type Connect, openClient } from "./session.ts";

type Client = Awaited<ReturnType<Connect>>;
type Config = Parameters<Connect>[0];

export type WarmConnections = {
  connect: Connect;
  /** Ends those that are kept, and keeps none from now on. */
  close(): Promise<void>;
};

export type WarmOptions = {
  /** Names databases, beside those of which whoever connects says that they stay. */
  isKept?: (database: string) => boolean;
  /** How long one is kept that nobody asks for; for ever when left out. */
  idleMs?: number;
};

/**
 * Connections that are reset and kept for the next piece of work instead of being closed, for whoever makes many short
 * ones: opening one costs the server more than most of what is done on it. Only to databases that stay, since one that
 * is to be copied must have none.
 */
export function createWarmConnections({ isKept, idleMs }: WarmOptions): WarmConnections {
  const shelf = createShelf(idleMs);

  async function open(config: Config): Promise<Client> {
    const client = await openClient(config);
    shelf.learn(config, client);
    return client;
  }

  async function giveBack(config: Config, client: Client): Promise<void> {
    try {
      // A request to cancel may still be on its way, and would meet the next piece of work.
      if (wasCutOff(client)) return await shelf.reallyEnd(client);
      await client.query("discard all");
      if (!shelf.put(config, client)) await shelf.reallyEnd(client);
    } catch {
      // Cut off, or in the middle of a transaction: of no more use to anybody.
      await shelf.reallyEnd(client);
    }
  }

  /** As if it had been opened for this. */
  async function reuse(config: Config): Promise<Client | undefined> {
    const client = shelf.take(config);
    if (!client) return undefined;
    const settings = [["application_name", config.application_name ?? ""], ...settingsOf(config.options)];
    const calls = settings.map((_, at) => `set_config($${at * 2 + 1}, $${at * 2 + 2}, false)`);
    try {
      await client.query(`select ${calls.join(", ")}`, settings.flat());
      return client;
    } catch {
      await shelf.reallyEnd(client);
      return undefined;
    }
  }

  return {
    async connect(config) {
      const stays = config.stays ?? isKept?.(new URL(config.connectionString).pathname.slice(1));
      if (!stays) return openClient(config);
      const client = (await reuse(config)) ?? (await open(config));
      let lent = true;
      client.end = (async () => {
        if (!lent) return;
        lent = false;
        await giveBack(config, client);
      }) as Client["end"];
      return client;
    },
    close: () => shelf.close(),
  };
}

const mostKeptByPlace = 4;

/** The connections that nobody has, by where they lead. */
function createShelf(idleMs: number | undefined) {
  const kept = new Map<string, Client[]>();
  const timers = new WeakMap<Client, NodeJS.Timeout>();
  const ends = new WeakMap<Client, () => Promise<void>>();
  const reallyEnd = (client: Client): Promise<void> => ends.get(client)!();
  let closed = false;

  function forget({ connectionString }: Config, client: Client): void {
    clearTimeout(timers.get(client));
    const left = (kept.get(connectionString) ?? []).filter((it) => it !== client);
    if (left.length > 0) kept.set(connectionString, left);
    else kept.delete(connectionString);
  }

  return {
    reallyEnd,
    /** One that was just opened. */
    learn(config: Config, client: Client): void {
      ends.set(client, client.end.bind(client) as () => Promise<void>);
      client.once("end", () => forget(config, client));
    },
    take(config: Config): Client | undefined {
      const client = kept.get(config.connectionString)?.at(-1);
      if (client) forget(config, client);
      return client;
    },
    /** False when it isn't wanted. */
    put(config: Config, client: Client): boolean {
      const others = kept.get(config.connectionString) ?? [];
      if (closed || others.length >= mostKeptByPlace) return false;
      kept.set(config.connectionString, [...others, client]);
      if (idleMs === undefined) return true;
      const end = () => {
        forget(config, client);
        void reallyEnd(client).catch(() => undefined);
      };
      timers.set(client, setTimeout(end, idleMs).unref());
      return true;
    },
    async close(): Promise<void> {
      closed = true;
      await Promise.all([...kept.values()].flat().map(reallyEnd));
    },
  };
}

/** `-c a=1 -c b=2`, as sessions write their settings. */
function settingsOf(options: string | undefined): string[][] {
  return [...(options ?? "").matchAll(/-c ([a-z_]+)=(\S*)/g)].map(([, name, value]) => [name!, value!]);
}
