/**
 * What the application's process and an engine's process say to each other. An engine's process holds the connections
 * of some files and does one thing at a time; it can be ended at any moment without harm to what was committed.
 */
export type EngineSettings = {
  /** What SQLite may hold of memory in one process, over all its files. */
  heapBytes: number;
  /** Pages kept in memory for each connection. */
  cacheBytes: number;
  /** No statement outlives this, even when whoever asked for it is gone. */
  deadlineMs: number;
};

/** What SQLite takes and gives: JavaScript's numbers are REAL to it, integers are bigint. */
export type SqliteValue = string | number | bigint | Uint8Array | null;

export type EngineFile = {
  key: string;
  file: string;
  encryptionKey: string | undefined;
  create: boolean;
  /** It may grow so far; without, until the disk is full. */
  maxBytes?: number | undefined;
};

type Run = {
  file: EngineFile;
  /** "writer", or a reader's name: connections of a file, opened when they are first used. */
  slot: string;
  sql: string;
  values: readonly SqliteValue[];
  /** The schema for which the statement was translated; another one is told instead of running it. */
  version: number | undefined;
  /** It belongs to a transaction that was begun: refused where that isn't open any more. */
  within?: boolean | undefined;
};

export type EngineRequest =
  | ({ op: "run"; maxBytes: number } & Run)
  | ({ op: "open cursor"; cursor: number } & Run)
  /** `enoughBytes`: no row more when there are so many; the end is where none come. */
  | { op: "fetch"; cursor: number; count: number; maxBytes: number; enoughBytes?: number }
  /** The same statement with the values of each row, in the transaction that is open. */
  | ({ op: "run each"; rows: readonly SqliteValue[][] } & Omit<Run, "values">)
  | { op: "close cursor"; cursor: number }
  /** All or nothing, without enforcing foreign keys before the end; told as stale when the version is another. */
  | { op: "script"; file: EngineFile; statements: readonly string[]; version: number | undefined }
  | { op: "release slot"; key: string; slot: string }
  /** `now`: answered when its descriptors are given back and its WAL is folded in; otherwise that comes soon. */
  | { op: "close"; key: string; now: boolean };

export type EngineReply =
  | { rows: SqliteValue[][]; changes: number }
  /** The file's schema isn't the one that was expected. */
  | { stale: { version: number; model: string | undefined } };

export type EngineError = { message: string; code: string; statement?: number };

export type EngineAnswer = { id: number } & ({ reply: EngineReply } | { error: EngineError });
