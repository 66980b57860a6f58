import { createHash } from "node:crypto";
import { setTimeout as wait } from "node:timers/promises";
import { LRUCache } from "lru-cache";
import { InvalidArgument } from "../errors.ts";
import { bind, type Moment } from "./bind.ts";
import {
  type Engine,
  EngineFailure,
  type EngineFile,
  type EngineProcess,
  type EngineReply,
  type SqliteValue,
} from "./engine/index.ts";
import { asDatabaseError } from "./failures.ts";
import { type SlotLimits, Slots } from "./slots.ts";
import { readSchema, type Schema, schemaHash } from "./sql/model.ts";
import { loadParser } from "./sql/parse.ts";
import { Refusal } from "./sql/refusal.ts";
import { TransactionStatement, type Translated, translateStatement } from "./sql/statement.ts";

export type FileLimits = SlotLimits & {
  /** After this time a statement is ended. */
  statementTimeoutMs: number;
  /** How long a statement waits for another process that writes. */
  lockTimeoutMs: number;
  /** The most that one answer may hold; more is read by `stream`. */
  answerBytes: number;
  /** How long a transaction may do nothing, or a reader rest, while it holds a connection. */
  restMs: number;
};

/** Where a file is, and with what it is read: a key is 32 bytes in base64. */
export type SqlitePlace = {
  file: string;
  encryptionKey?: string | undefined;
  readOnly?: boolean | undefined;
  /** How large it may grow at present, in bytes; asked at each use. One that is larger keeps what it has. */
  maxBytes?: (() => number | undefined) | undefined;
};

export type RunOptions = {
  signal?: AbortSignal | undefined;
  on?: EngineProcess | undefined;
  timeoutMs?: number | undefined;
};

export type Answer = Extract<EngineReply, { rows: unknown }>;
type Known = { version: number; schema: Schema; hash: string };

/** What was translated, for all files that have the same schema. */
const translations = new LRUCache<string, Translated>({
  max: 5_000,
  maxSize: 20_000_000,
  sizeCalculation: (value, key) => value.sql.length * 2 + key.length + 500,
});
const schemas = new LRUCache<string, Schema>({ max: 200 });
const cacheable = 20_000;

/** One environment's file: its schema, its connections, and the statements of the application as SQLite takes them. */
export class SqliteFile {
  readonly key: string;
  readonly place: SqlitePlace;
  readonly slots: Slots;
  readonly limits: FileLimits;
  readonly #engine: Engine;
  #known: Known | undefined;

  constructor(engine: Engine, place: SqlitePlace, limits: FileLimits) {
    this.#engine = engine;
    this.place = place;
    this.limits = limits;
    this.key = fileKey(place);
    this.slots = new Slots(limits);
  }

  get engineFile(): EngineFile {
    const { file, encryptionKey, maxBytes } = this.place;
    return { key: this.key, file, encryptionKey, create: false, maxBytes: maxBytes?.() };
  }

  /** The schema as it was seen last. */
  get schema(): Schema | undefined {
    return this.#known?.schema;
  }

  get version(): number | undefined {
    return this.#known?.version;
  }

  /** A statement, as SQLite takes it. Throws what PostgreSQL would; 0A000 for what the level doesn't know. */
  async translate(text: string, options: RunOptions = {}): Promise<Translated> {
    if (typeof text !== "string" || text.trim() === "")
      throw new InvalidArgument("A statement is a text that isn't empty.");
    await loadParser();
    const known = this.#known ?? (await this.refresh(options));
    try {
      return this.#translateFor(known, text);
    } catch (error) {
      if (!(error instanceof Refusal)) throw asDatabaseError(error, known.schema);
      // Another process may have migrated the file meanwhile.
      const fresh = await this.refresh(options);
      if (fresh.hash === known.hash) throw asDatabaseError(error, known.schema);
      return this.#named(() => this.#translateFor(fresh, text));
    }
  }

  #translateFor({ hash, schema }: Known, text: string): Translated {
    const key = `${hash} ${text}`;
    const before = translations.get(key);
    if (before) return before;
    try {
      const translated = translateStatement(schema, text);
      if (text.length <= cacheable) translations.set(key, translated);
      return translated;
    } catch (error) {
      if (!(error instanceof TransactionStatement)) throw error;
      throw new InvalidArgument("A transaction is begun and ended by transaction(), not with a statement.");
    }
  }

  #named<Result>(work: () => Result): Result {
    try {
      return work();
    } catch (error) {
      throw asDatabaseError(error, this.schema);
    }
  }

  /** Reads the schema from the file. */
  async refresh(options: RunOptions & { slot?: string } = {}): Promise<Known> {
    const lease = options.slot ? undefined : await this.slots.take("any", options.signal);
    try {
      const slot = lease?.slot ?? options.slot!;
      const { reply } = await this.ask(
        {
          op: "run",
          file: this.engineFile,
          slot,
          sql: "select 1",
          values: [],
          version: undefined,
          maxBytes: 1_000,
        },
        options,
      );
      if (!("stale" in reply)) throw new Error("The engine told no schema.");
      return this.learn(reply.stale);
    } finally {
      lease?.release();
    }
  }

  /** Takes note of the schema that the file has by now. */
  learn({ version, model }: { version: number; model: string | undefined }): Known {
    const hash = schemaHash(model);
    const schema = schemas.get(hash) ?? readSchema(model);
    schemas.set(hash, schema);
    this.#known = { version, schema, hash };
    return this.#known;
  }

  /** Asks the engine, once; its failures as the caller knows them. */
  async ask(
    request: Parameters<Engine["ask"]>[1],
    { signal, on, timeoutMs = this.limits.statementTimeoutMs }: RunOptions,
    pin = false,
  ) {
    try {
      return await this.#engine.ask(this.key, request, { signal, on, timeoutMs, pin });
    } catch (error) {
      throw error instanceof EngineFailure && isBusy(error) ? error : asDatabaseError(error, this.schema);
    }
  }

  /**
   * Asks until no other process is in the way, and with the statement as it is for the schema that the file has by now.
   */
  async run(
    text: string,
    values: readonly unknown[],
    options: RunOptions & { slot: string; moment: Moment; pin?: boolean; cursor?: number; within?: boolean },
  ): Promise<{ translated: Translated; answer: Answer; by: EngineProcess }> {
    for (;;) {
      const translated = await this.translate(text, options);
      const bound = this.#named(() => bind(translated, values, options.moment));
      const { reply, by } = await this.#askPatiently(translated.sql, bound, options);
      if ("stale" in reply) {
        if (options.pin) by.unpin(this.key);
        this.learn(reply.stale);
      } else return { translated, answer: reply, by };
    }
  }

  async #askPatiently(
    sql: string,
    values: SqliteValue[],
    options: RunOptions & { slot: string; pin?: boolean; cursor?: number; within?: boolean },
  ) {
    const { slot, within } = options;
    const request = { file: this.engineFile, slot, sql, values, version: this.version, within };
    return this.patiently(options, () =>
      options.cursor === undefined
        ? this.ask({ op: "run", ...request, maxBytes: this.limits.answerBytes }, options, options.pin)
        : this.ask({ op: "open cursor", ...request, cursor: options.cursor }, options, options.pin),
    );
  }

  /** Repeats `work` while another process has the file locked. */
  async patiently<Result>({ signal }: RunOptions, work: () => Promise<Result>): Promise<Result> {
    const until = performance.now() + this.limits.lockTimeoutMs;
    for (let pause = 1; ; pause = Math.min(pause * 2, 50)) {
      try {
        return await work();
      } catch (error) {
        if (!(error instanceof EngineFailure)) throw error;
        if (performance.now() > until) throw asDatabaseError(error, this.schema);
      }
      await wait(pause * (0.5 + Math.random()), undefined, signal && { signal });
    }
  }

  /** Makes the file, if there is none. */
  async make(): Promise<void> {
    const file = { ...this.engineFile, create: true };
    await this.#asWriter({}, () => this.ask({ op: "script", file, statements: [], version: undefined }, {}));
    await this.refresh();
  }

  /** Runs statements of a migration, all or nothing, if the schema is still the one at hand. False when it isn't. */
  async script(statements: readonly string[], options: RunOptions): Promise<boolean> {
    const request = { op: "script" as const, file: this.engineFile, statements, version: this.version };
    const { reply } = await this.#asWriter(options, () => this.ask(request, options));
    if ("stale" in reply) {
      this.learn(reply.stale);
      return false;
    }
    await this.refresh(options);
    return true;
  }

  /** A script has the writer's connection to itself: whoever has a transaction open there is waited for. */
  async #asWriter<Result>(options: RunOptions, work: () => Promise<Result>): Promise<Result> {
    const lease = await this.slots.take("writer", options.signal);
    try {
      return await this.patiently(options, work);
    } finally {
      lease.release();
    }
  }

  /** `now`: its WAL is folded in, and its descriptors given back, when this resolves; otherwise that comes soon. */
  async close(now = true): Promise<void> {
    await this.#engine.closeFile(this.key, now);
  }
}

const isBusy = ({ code }: EngineFailure): boolean => /^SQLITE_(BUSY|LOCKED)/.test(code);

export function fileKey({ file, encryptionKey }: SqlitePlace): string {
  return `${file} ${createHash("sha256")
    .update(encryptionKey ?? "")
    .digest("base64url")}`;
}
