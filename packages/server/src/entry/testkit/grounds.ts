import { createHash } from "node:crypto";
import { type DatabaseLevel, databaseLevels, type TestKitJoin } from "@tenantry/contract";
import type { AppSchema, DatabaseDrivers, DatabaseServer } from "../../drivers/database/index.ts";
import type { Log } from "../../infra/log/index.ts";
import { createGate, failure, newId } from "../../kernel/index.ts";
import type { Level, Place } from "./level.ts";
import { openLevel } from "./open-level.ts";
import type { Removals } from "./removals.ts";
import { createStock, type Stock } from "./stock.ts";

/** An application's migrations, at whatever levels its tests ask for. */
export type Ground = {
  readonly appId: string;
  /** Sees to it that places can be had at a level. Throws what is wrong with the migrations. */
  prepare(level: DatabaseLevel): Promise<void>;
  take(level: DatabaseLevel): Promise<Place>;
};

export type Grounds = {
  /** By content: whoever has the same migrations shares what was made of them. Held until `release`. */
  hold(migrations: TestKitJoin["migrations"]): { ground: Ground; release(): void };
};

export type GroundOptions = {
  server: DatabaseServer;
  /** Where the files of the level `sqlite` are. */
  directory: DatabaseServer;
  drivers: DatabaseDrivers;
  removals: Removals;
  log: Log;
  signal: AbortSignal;
  stays(name: string): void;
};

const levelsHere: readonly DatabaseLevel[] = ["shared", "schema", "database", "sqlite"];
/** What isn't used stays for the next run; but each change of the migrations leaves a state of its own. */
const mostUnused = 3;
const madeAtOnce = 6;

type Held = { key: string; holders: number; levels: Map<DatabaseLevel, Promise<Stock>>; ground: Ground };

export function createGrounds(options: GroundOptions): Grounds {
  const held = new Map<string, Held>();
  const gate = createGate({ concurrency: madeAtOnce, waiting: Number.POSITIVE_INFINITY });

  function open(key: string, migrations: TestKitJoin["migrations"]): Held {
    const schema: AppSchema = { appId: newId(), migrations: migrations.map(numbered) };
    const levels: Held["levels"] = new Map();
    const stockOf = (level: DatabaseLevel): Promise<Stock> => {
      const known = levels.get(level);
      if (known) return known;
      const opened = openStock(options, schema, level, gate);
      levels.set(level, opened);
      opened.catch(() => levels.delete(level));
      return opened;
    };
    const ground: Ground = {
      appId: schema.appId,
      prepare: async (level) => void (await stockOf(level)),
      take: async (level) => (await stockOf(level)).take(),
    };
    return { key, holders: 0, levels, ground };
  }

  async function forget(unused: Held): Promise<void> {
    held.delete(unused.key);
    for (const stock of unused.levels.values()) (await stock.catch(() => undefined))?.close();
  }

  return {
    hold(migrations) {
      const key = keyOf(migrations);
      const one = held.get(key) ?? open(key, migrations);
      // Last used, last forgotten.
      held.delete(key);
      held.set(key, one);
      one.holders += 1;
      const release = () => {
        one.holders -= 1;
        const unused = [...held.values()].filter(({ holders }) => holders === 0);
        for (const old of unused.slice(0, -mostUnused)) void forget(old);
      };
      return { ground: one.ground, release };
    },
  };
}

async function openStock(
  { directory, drivers, signal, log, removals, stays, ...options }: GroundOptions,
  schema: AppSchema,
  name: DatabaseLevel,
  gate: Parameters<typeof createStock>[0]["gate"],
): Promise<Stock> {
  const driver = drivers[name];
  if (!driver || !levelsHere.includes(name)) throw notHere(name);
  const server = name === "sqlite" ? directory : options.server;
  const level: Level = await removals.during(() => openLevel({ server, driver, schema, signal, stays }));
  return createStock({
    level,
    gate,
    log,
    signal,
    giveAway: (place) => removals.add(() => place.discard(), place.mostWaiting),
  });
}

function notHere(level: DatabaseLevel): Error {
  const known = databaseLevels.includes(level);
  return failure("isolation_unavailable", {
    detail: known
      ? `The test kit has no level "${level}".`
      : `There is no database level ${JSON.stringify(level)}.`,
    remedy:
      level === "dedicated"
        ? 'Use "database": to an application both are the same.'
        : `Choose one of ${levelsHere.join(", ")}.`,
  });
}

function numbered({ name, sql }: TestKitJoin["migrations"][number], index: number) {
  return { ordinal: index + 1, name, sql, checksum: createHash("sha256").update(sql).digest("hex") };
}

function keyOf(migrations: TestKitJoin["migrations"]): string {
  return createHash("sha256")
    .update(JSON.stringify(migrations.map(({ name, sql }) => [name, sql])))
    .digest("hex");
}
