import { type Connect, openClient } from "./session.ts";

type Client = Awaited<ReturnType<Connect>>;
type Config = Parameters<Connect>[0];

export type WarmConnections = {
  connect: Connect;
  /** Ends those that are kept, and keeps none from now on. */
  close(): Promise<void>;
};

const mostKeptByPlace = 4;

/**
 * Connections that are reset and kept for the next piece of work instead of being closed, for whoever makes many short
 * ones: opening one costs the server more than most of what is done on it. Only to databases that `isKept` names, since
 * one that is to be copied or dropped must have none.
 */
export function createWarmConnections(isKept: (database: string) => boolean): WarmConnections {
  const kept = new Map<string, Client[]>();
  const reallyEnd = new WeakMap<Client, () => Promise<void>>();
  let closed = false;

  async function open(config: Config): Promise<Client> {
    const client = await openClient(config);
    reallyEnd.set(client, client.end.bind(client) as () => Promise<void>);
    client.once("end", () =>
      keptIn(config).splice(0, Infinity, ...keptIn(config).filter((it) => it !== client)),
    );
    return client;
  }

  function keptIn({ connectionString }: Config): Client[] {
    const clients = kept.get(connectionString) ?? [];
    kept.set(connectionString, clients);
    return clients;
  }

  async function giveBack(config: Config, client: Client): Promise<void> {
    const clients = keptIn(config);
    try {
      await client.query("discard all");
      if (!closed && clients.length < mostKeptByPlace) clients.push(client);
      else await reallyEnd.get(client)!();
    } catch {
      // Cut off, or in the middle of a transaction: of no more use to anybody.
      await reallyEnd.get(client)!();
    }
  }

  /** As if it had been opened for this. */
  async function reuse(config: Config): Promise<Client | undefined> {
    const client = keptIn(config).pop();
    if (!client) return undefined;
    const settings = [["application_name", config.application_name ?? ""], ...settingsOf(config.options)];
    const calls = settings.map((_, at) => `set_config($${at * 2 + 1}, $${at * 2 + 2}, false)`);
    try {
      await client.query(`select ${calls.join(", ")}`, settings.flat());
      return client;
    } catch {
      await reallyEnd.get(client)!();
      return undefined;
    }
  }

  return {
    async connect(config) {
      if (!isKept(new URL(config.connectionString).pathname.slice(1))) return openClient(config);
      const client = (await reuse(config)) ?? (await open(config));
      let lent = true;
      client.end = (async () => {
        if (!lent) return;
        lent = false;
        await giveBack(config, client);
      }) as Client["end"];
      return client;
    },
    async close() {
      closed = true;
      await Promise.all([...kept.values()].flat().map((client) => reallyEnd.get(client)!()));
    },
  };
}

/** `-c a=1 -c b=2`, as sessions write their settings. */
function settingsOf(options: string | undefined): string[][] {
  return [...(options ?? "").matchAll(/-c ([a-z_]+)=(\S*)/g)].map(([, name, value]) => [name!, value!]);
}
