import type { Db, Notifications } from "../infra/db/index.ts";
import type { Log } from "../infra/log/index.ts";
import {
  selectChangedRoutes,
  selectChangedUpstreams,
  selectGatewaySettings,
  selectRoutes,
  selectTombstones,
  selectVersions,
} from "./gateway.sql.ts";
import type { Route } from "./route.ts";
import type { RouteTable } from "./route-table.ts";

export type RouteFollower = {
  /** Begins to follow; resolves after the first attempt, whether the registry answered or not. */
  start(): Promise<void>;
  /** Resolves after an attempt that began after this call. */
  refresh(): Promise<void>;
  /** Stops; an answer still under way changes nothing any more. */
  stop(): Promise<void>;
  /** Whether the last attempt reached the registry. */
  connected(): boolean;
};

type FollowerOptions = {
  db: Db;
  notifications: Notifications;
  table: RouteTable;
  log: Log;
  /** Milliseconds between two looks at the version; a notification shortens the wait. */
  pollMs?: number;
  /** More versions behind than this: read everything anew. */
  maxVersionsBehind?: number;
  /** Out of touch for longer than this: the registry may be another one, so read everything anew. */
  maxOutOfTouchMs?: number;
  /** A statement that takes longer counts as failed. */
  deadlineMs?: number;
  pageSize?: number;
};

/**
 * Keeps `table` at the registry's newest version: asks for the version twice a second, at once when a notification
 * says that it moved, and reads what changed. One round is under way at a time, so answers can't overtake each other.
 */
export function createRouteFollower(options: FollowerOptions): RouteFollower {
  const { table, log } = options;
  const pollMs = options.pollMs ?? 500;
  let round: Promise<void> | undefined;
  let again = false;
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;
  let reachable: boolean | undefined;
  let unhear: () => void = () => undefined;
  const state: SyncState = { inTouchAt: undefined };

  async function lookOnce(): Promise<void> {
    try {
      await synchronise(options, state, () => stopped);
      if (reachable !== true) log.info({ version: table.version() }, "gateway.registry_reached");
      reachable = true;
    } catch (error) {
      if (reachable !== false) log.warn({ error: (error as Error).message }, "gateway.registry_unreachable");
      reachable = false;
    }
  }

  function look(): Promise<void> {
    clearTimeout(timer);
    round ??= lookOnce().finally(() => {
      round = undefined;
      if (stopped) return;
      if (again && reachable) void look();
      else timer = setTimeout(look, pollMs);
      again = false;
    });
    return round;
  }

  return {
    async start() {
      unhear = options.notifications.on("tenantry_stream", (payload) => {
        const [stream, version] = payload.split(":");
        if (stream !== "routes" || Number(version) <= table.version()) return;
        again = round !== undefined;
        void look();
      });
      await look();
    },
    async refresh() {
      await round;
      await look();
    },
    async stop() {
      stopped = true;
      unhear();
      clearTimeout(timer);
      await round;
    },
    connected: () => reachable === true,
  };
}

type SyncState = { inTouchAt: number | undefined };

async function synchronise(
  options: FollowerOptions,
  state: SyncState,
  stopped: () => boolean,
): Promise<void> {
  const { table } = options;
  const startedAt = performance.now();
  const versions = await inTime(options, (db) => selectVersions(db));
  const { version } = versions;
  if (stopped()) return;
  if (mustReload(options, state, versions, startedAt)) {
    await reload(options, version, stopped);
  } else if (version !== table.version()) {
    await readChanges(options, version, stopped);
  }
  state.inTouchAt = startedAt;
}

/** Whether following the changes could miss one, or take longer: then everything is read anew. */
function mustReload(
  options: FollowerOptions,
  { inTouchAt }: SyncState,
  { version, forgottenVersion }: { version: number; forgottenVersion: number },
  now: number,
): boolean {
  const known = options.table.version();
  // What came from the disk may be of another registry, and so is a version that went back.
  if (inTouchAt === undefined || version < known || known < forgottenVersion) return true;
  if (version === known) return false;
  if (version - known > (options.maxVersionsBehind ?? 10_000)) return true;
  return now - inTouchAt > (options.maxOutOfTouchMs ?? 600_000);
}

async function readChanges(options: FollowerOptions, version: number, stopped: () => boolean): Promise<void> {
  const since = options.table.version();
  const [routes, upstreams, settings, tombstones] = await inTime(options, (db) =>
    Promise.all([
      selectChangedRoutes(db, since),
      selectChangedUpstreams(db, since),
      selectGatewaySettings(db),
      selectTombstones(db, since),
    ]),
  );
  if (stopped()) return;
  const changes = { since, version, routes: routes.map(createInterner()), upstreams, settings, tombstones };
  if (options.table.apply(changes)) {
    options.log.debug({ since, version, routes: routes.length }, "gateway.routes_changed");
  }
}

async function reload(options: FollowerOptions, version: number, stopped: () => boolean): Promise<void> {
  const startedAt = performance.now();
  const limit = options.pageSize ?? 5_000;
  const routes = new Map<string, Route>();
  const intern = createInterner();
  for (let after = ""; ; ) {
    const page = await inTime(options, (db) => selectRoutes(db, after, limit));
    if (stopped()) return;
    for (const row of page) routes.set(row.hostname, intern(row));
    if (page.length < limit) break;
    after = page.at(-1)!.hostname;
  }
  const [upstreams, settings] = await inTime(options, (db) =>
    Promise.all([selectChangedUpstreams(db, -1), selectGatewaySettings(db)]),
  );
  if (stopped()) return;
  const byId = new Map(upstreams.map((row) => [row.id, row]));
  options.table.replace({ version, routes, upstreams: byId, settings });
  const tookMs = Math.round(performance.now() - startedAt);
  options.log.info({ version, routes: routes.size, tookMs }, "gateway.routes_loaded");
}

/** Lets rows share the strings that many of them have alike. */
function createInterner(): (row: Route) => Route {
  const known = new Map<string, string>();
  const shared = <Text extends string | null>(text: Text): Text => {
    if (text === null) return text;
    const same = known.get(text);
    if (same === undefined) known.set(text, text);
    return (same ?? text) as Text;
  };
  return (row) => ({
    ...row,
    environmentName: shared(row.environmentName),
    appId: shared(row.appId),
    upstreamId: shared(row.upstreamId),
    status: shared(row.status),
    statusReason: shared(row.statusReason),
  });
}

/** A connection that hangs must not stop the following: the statement counts as failed, its late answer is dropped. */
async function inTime<Result>(options: FollowerOptions, ask: (db: Db) => Promise<Result>): Promise<Result> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => reject(new Error("The registry didn't answer in time.")),
    options.deadlineMs ?? 10_000,
  );
  try {
    return await Promise.race([ask(options.db), late]);
  } finally {
    clearTimeout(timer);
  }
}
