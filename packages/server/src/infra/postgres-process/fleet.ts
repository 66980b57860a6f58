import { existsSync } from "node:fs";
import { mkdir, readdir } from "node:fs/promises";
import path from "node:path";
import { createGate, StartRefused, unlessAborted } from "../../kernel/index.ts";
import type { Log } from "../log/index.ts";
import { removeCluster } from "./discard.ts";
import { type KeptPostgres, keepEmbeddedPostgres } from "./kept.ts";

export type FleetServer = Pick<KeptPostgres, "url" | "port" | "version">;

/** Small servers beside the one with the registry, each with a directory, port, password and log of its own. */
export type PostgresFleet = {
  /**
   * Sees to it that the server of this name runs; one that dies is started again. Where there is none it is made, if
   * that is wanted. Repeatable; any number may call at once. A few start at a time, the others wait.
   */
  start(name: string, options?: { make?: boolean; signal?: AbortSignal }): Promise<FleetServer>;
  /** Ends the server and removes its files, also of one that a killed process left, or that never came up. Repeatable. */
  remove(name: string): Promise<void>;
  /** The names that have a directory. */
  list(): Promise<string[]>;
  /** Shuts all servers down, to be started again later. Nothing starts any more. Repeatable. */
  stop(): Promise<void>;
};

export type FleetOptions = {
  /** Made when the first server is. */
  directory: string;
  log: Log;
};

/** What a server for one environment takes: a tenth of the memory of the default, and half of its processes. */
const smallSettings = {
  shared_buffers: "16MB",
  effective_cache_size: "256MB",
  io_method: "sync",
  min_wal_size: "32MB",
  max_wal_size: "256MB",
  max_parallel_workers: "2",
  autovacuum_max_workers: "1",
  max_logical_replication_workers: "0",
};

const maxConnections = 60;

/** A start takes half a second of processor when the cluster is made, and reads from the disk when it is there. */
const startedAtOnce = 4;

/** How long somebody waits for a server that died, before it is told that it doesn't come back. */
const restartTimeoutMs = 30_000;

type StartOptions = NonNullable<Parameters<PostgresFleet["start"]>[1]>;

type Member = { kept?: KeptPostgres | undefined; turn: Promise<unknown>; removal: AbortController };

export function createPostgresFleet({ directory, log }: FleetOptions): PostgresFleet {
  const members = new Map<string, Member>();
  const closing = new AbortController();
  const gate = createGate({ concurrency: startedAtOnce, waiting: Number.POSITIVE_INFINITY });

  /** One after another for each name. */
  function inTurn<Result>(name: string, work: (member: Member) => Promise<Result>): Promise<Result> {
    const member = members.get(name) ?? { turn: Promise.resolve(), removal: new AbortController() };
    members.set(name, member);
    const result = member.turn.then(() => work(member));
    const settled = result.catch(() => undefined);
    member.turn = settled;
    return result.finally(() => {
      if (!member.kept && member.turn === settled) members.delete(name);
    });
  }

  async function startOne(name: string, member: Member, options: StartOptions): Promise<FleetServer> {
    const asked = options.signal ? [options.signal] : [];
    const signal = AbortSignal.any([closing.signal, member.removal.signal, ...asked]);
    signal.throwIfAborted();
    if (member.kept) {
      await runs(member.kept, signal);
      return member.kept;
    }
    const dataDir = path.join(directory, name);
    if (options.make) await mkdir(directory, { recursive: true, mode: 0o711 });
    else if (!existsSync(path.join(dataDir, "cluster"))) throw clusterIsGone(dataDir);
    member.kept = await gate.run(async () => {
      signal.throwIfAborted();
      return keepEmbeddedPostgres({
        dataDir,
        log: log.child({ server: name }),
        maxConnections,
        settings: smallSettings,
        signal,
      });
    });
    return member.kept;
  }

  return {
    start: (name, options = {}) => inTurn(name, (member) => startOne(name, member, options)),
    async remove(name) {
      members.get(name)?.removal.abort(new Error("The server is being removed."));
      await inTurn(name, async (member) => {
        await member.kept?.stop({ timeoutMs: 0 });
        member.kept = undefined;
        await removeCluster(path.join(directory, name));
        member.removal = new AbortController();
      });
    },
    list: () =>
      readdir(directory).catch((error: NodeJS.ErrnoException) => {
        if (error.code === "ENOENT") return [];
        throw error;
      }),
    async stop() {
      closing.abort(new Error("This node is stopping."));
      const stops = [...members.keys()].map((name) => inTurn(name, async ({ kept }) => kept?.stop()));
      await Promise.all(stops);
    },
  };
}

/** Waits for one that is just being started again. */
async function runs(server: KeptPostgres, signal: AbortSignal): Promise<void> {
  const enough = AbortSignal.any([signal, AbortSignal.timeout(restartTimeoutMs)]);
  await unlessAborted(server.running(), enough);
}

function clusterIsGone(dataDir: string): StartRefused {
  return new StartRefused(
    "data_dir_unusable",
    `There is no cluster in ${dataDir}. Bring its files back, or delete the tenant whose database was there.`,
  );
}
