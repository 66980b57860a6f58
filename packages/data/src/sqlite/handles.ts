import type { Database } from "../database/index.ts";
import { DatabaseUnavailable, PlacementRetired } from "../errors.ts";
import { databaseOf } from "./database.ts";
import { createEngine, type Engine, type EngineOptions, engineDefaults } from "./engine/index.ts";
import { type FileLimits, fileKey, SqliteFile, type SqlitePlace } from "./file.ts";

export type SqliteHandlesOptions = Partial<Omit<EngineOptions, "deadlineMs">> &
  Partial<FileLimits> & {
    /** Files open at once in this process, each with three descriptors or more; 500 when left out. */
    maxFiles?: number;
  };

/** An environment's file as its placement has it. */
export type SqlitePlacement = SqlitePlace & {
  environmentId: string;
  generation: number;
  statementTimeoutMs?: number | undefined;
};

export type SqliteHandles = {
  /** An environment's database. Costs nothing until it is used, and needs no closing. */
  open(placement: SqlitePlacement, options?: { assertUsable?: () => void; signal?: AbortSignal }): Database;
  /** A file by itself, without an environment: for who builds, moves and looks into them. */
  file(place: SqlitePlace): SqliteFile;
  /** Closes an environment's file: for one that is suspended, moved or gone. Waits for the statement at work. */
  forget(environmentId: string): Promise<void>;
  /** Closes a file, whosever it is. */
  closeFile(place: SqlitePlace): Promise<void>;
  stats(): { open: number; processes: number; pids: number[] };
  /** Ends the engine's processes. Repeatable. */
  close(): Promise<void>;
};

const defaults: FileLimits = {
  maxWaiters: 1_000,
  waitTimeoutMs: 10_000,
  statementTimeoutMs: 30_000,
  lockTimeoutMs: 5_000,
  answerBytes: 64 * 1_024 * 1_024,
  restMs: 60_000,
};

/** Beyond, the environment that asked least recently is forgotten. */
const mostEnvironments = 4_000;

/** The files of all environments: the least recently used one is closed when there are too many. */
export function createSqliteHandles(options: SqliteHandlesOptions = {}): SqliteHandles {
  const limits = { ...defaults, ...options };
  const maxFiles = options.maxFiles ?? 500;
  const files = new Map<string, SqliteFile>();
  const newest = new Map<string, SqlitePlacement>();
  let started: Engine | undefined;
  const engine = (): Engine =>
    (started ??= createEngine({ ...engineDefaults, ...options, deadlineMs: limits.statementTimeoutMs }));

  function file(place: SqlitePlace): SqliteFile {
    const key = fileKey(place);
    const known = files.get(key);
    files.delete(key);
    const used = mayDo(known, place) ? known : new SqliteFile(engine(), place, limits);
    files.set(key, used);
    closeOldest();
    return used;
  }

  // The map's order is that of use.
  function closeOldest(): void {
    if (files.size <= maxFiles) return;
    for (const [key, oldest] of files) {
      if (oldest.slots.busy) continue;
      files.delete(key);
      void oldest.close(false);
      return;
    }
  }

  function takeNote(placement: SqlitePlacement): void {
    const { environmentId, generation } = placement;
    const known = newest.get(environmentId);
    if (known && generation < known.generation) throw new PlacementRetired(environmentId, generation);
    newest.delete(environmentId);
    newest.set(environmentId, placement);
    if (known && (known.file !== placement.file || known.encryptionKey !== placement.encryptionKey))
      void closeFile(known);
    const [first] = newest.keys();
    if (newest.size > mostEnvironments && first !== undefined) newest.delete(first);
  }

  async function closeFile(place: SqlitePlace): Promise<void> {
    const key = fileKey(place);
    const known = files.get(key);
    files.delete(key);
    await known?.close();
  }

  return {
    open: (placement, own = {}) =>
      databaseOf({
        ...own,
        statementTimeoutMs: placement.statementTimeoutMs,
        file() {
          takeNote(placement);
          return file(placement);
        },
      }),
    file,
    async forget(environmentId) {
      const known = newest.get(environmentId);
      newest.delete(environmentId);
      if (known) await closeFile(known);
    },
    closeFile,
    stats: () => ({ open: files.size, ...(started?.stats() ?? { processes: 0, pids: [] }) }),
    async close() {
      await started?.close();
    },
  };
}

/** Whether the file was opened to read or to write, as is wanted. */
function mayDo(known: SqliteFile | undefined, { readOnly }: SqlitePlace): known is SqliteFile {
  return known !== undefined && Boolean(known.place.readOnly) === Boolean(readOnly);
}

/** The path that a placement's URL (`file:///…`) names. */
export function sqlitePath(url: string): string {
  const read = URL.parse(url);
  if (read?.protocol !== "file:" || read.host !== "")
    throw new DatabaseUnavailable("The placement's URL names no file.");
  return decodeURIComponent(read.pathname);
}
