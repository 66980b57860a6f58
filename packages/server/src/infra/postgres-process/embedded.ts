import { lockDataDir } from "../data-dir-lock/index.ts";
import type { Log } from "../log/index.ts";
import { bringUp, type Up } from "./bring-up.ts";
import { prepareDataDir, unusable } from "./data-dir.ts";
import type { PlaceOptions } from "./place.ts";
import { stopPostmaster } from "./postmaster.ts";
import { type Exit, exitOf } from "./processes.ts";
import { tail } from "./run.ts";
import { readSince, rotate } from "./server-log.ts";
import { host } from "./settings.ts";
import { type SystemOptions, systemDefaults } from "./system-home.ts";

export type EmbeddedPostgresOptions = {
  /** Made when missing. Holds the cluster, the superuser's password, the kept port, the server's log. */
  dataDir: string;
  log: Pick<Log, "info" | "warn" | "error">;
  /** A port that is asked for is had or refused. 0 or left out: any free one, the same as last time if it can be. */
  port?: number;
  /** 200 when left out. */
  maxConnections?: number;
  /** Server settings that go before ours, such as `{ shared_buffers: "1GB" }`. */
  settings?: Record<string, string>;
  /**
   * For tests: nothing waits for the disk, and what a crash of the machine leaves is of no use. The server ends with the
   * thread that started it, however that ends.
   */
  throwAway?: boolean;
  /** Ends the start. It has no effect on a server that has started. */
  signal?: AbortSignal;
  /** How root starts the server, which PostgreSQL refuses to do as root; "auto" when left out. */
  asRoot?: PlaceOptions["asRoot"];
  /** Where root keeps a cluster that runs under an account; /var/lib/tenantry and "tenantry" when left out. */
  system?: SystemOptions;
};

export type EmbeddedPostgres = {
  /** The superuser's URL to the database `postgres`. A secret. */
  url: string;
  host: string;
  port: number;
  /** Holds the server's socket, a faster way in for the user who started it; undefined where its path would be too long. */
  socketDirectory: string | undefined;
  /** Of the server, such as "18.4". */
  version: string;
  /** Of the postmaster. */
  pid: number;
  /** Whether the server had been left running by a process that was killed. */
  adopted: boolean;
  /**
   * Shuts the server down and gives the data directory free. Clients are cut off; what they committed stays. After
   * `timeoutMs` (10,000 when left out) the server is ended at once, and recovers on its next start. Repeatable.
   */
  stop(options?: { timeoutMs?: number }): Promise<void>;
  /** Resolves when the server has ended, by `stop` or by itself. An adopted one takes the reason with it. */
  exited: Promise<Exit>;
};

/**
 * Starts the PostgreSQL cluster in `dataDir`, made on the first call, or adopts its server if a killed process left it
 * running. The directory is this process's alone until `stop`. Repeatable, also after kill -9 of anything at any
 * moment. Expected failures are `StartRefused`, such as `data_dir_in_use` and `port_in_use`.
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const dataDir = await prepareDataDir(options.dataDir);
  const lock = await lockDataDir(dataDir);
  try {
    const up = await bringUp({
      ...options,
      dataDir,
      port: options.port ?? 0,
      maxConnections: options.maxConnections ?? 200,
      system: options.system ?? systemDefaults,
    });
    return supervise(up, options.log, lock.release);
  } catch (error) {
    lock.release();
    throw isSystemError(error) ? unusable(dataDir, `can't be used (${error.message})`, error) : error;
  }
}

/** From the operating system: a full disk, a file of the wrong kind or owner. */
function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && "syscall" in error;
}

const rotationIntervalMs = 3_600_000;

function supervise(up: Up, log: EmbeddedPostgresOptions["log"], release: () => void): EmbeddedPostgres {
  const { postmaster, port } = up;
  const rotation = setInterval(() => {
    rotate(up.logFile).catch((error) => log.warn({ error }, "postgres.log_rotation_failed"));
  }, rotationIntervalMs).unref();
  let stopping: Promise<void> | undefined;

  const exited = postmaster.exited.then(async (exit) => {
    clearInterval(rotation);
    if (!stopping) {
      const lastWords = await readSince(up.logFile, -4096).then(tail, (error) => String(error));
      log.error({ pid: postmaster.pid, ...exit, lastWords }, "postgres.died");
    }
    return exit;
  });

  async function end(timeoutMs: number): Promise<void> {
    await stopPostmaster(postmaster, timeoutMs);
    await exitOf(postmaster);
    release();
    log.info({ pid: postmaster.pid }, "postgres.stopped");
  }

  return {
    url: `postgres://postgres:${encodeURIComponent(up.password)}@${host}:${port}/postgres`,
    host,
    port,
    socketDirectory: up.socketDirectory,
    version: up.place.version,
    pid: postmaster.pid,
    adopted: up.adopted,
    exited,
    stop({ timeoutMs = 10_000 } = {}) {
      stopping ??= end(timeoutMs);
      return stopping;
    },
  };
}
