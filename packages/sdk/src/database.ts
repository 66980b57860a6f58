import type { RuntimeEnvironment } from "@tenantry/contract";
import {
  bytesOf,
  type Database,
  DatabaseUnavailable,
  openDatabase,
  PlacementRetired,
  type Pools,
  type SqliteHandles,
  sqlitePath,
} from "@tenantry/data";
import { EnvironmentMoved } from "./errors.ts";
import type { Repair } from "./repair.ts";
import type { RuntimeFollower } from "./runtime/follower.ts";
import { usableEnvironment } from "./usable.ts";

type Place = NonNullable<RuntimeEnvironment["database"]>;
type Follower = Pick<RuntimeFollower, "state" | "askAgain">;

/**
 * An environment's database at one place. Before every statement it is made sure that the environment may be used, and
 * still lives here; a failure that a move or a suspension explains is told as such.
 */
export function openTenantDatabase(
  reach: { pools: Pools; files: SqliteHandles; follower: Follower; repair: Repair },
  id: string,
  place: Place,
): Database {
  const { follower, repair } = reach;
  const { url, generation, seal } = place;

  function assertUsable(): void {
    const now = usableEnvironment(follower.state(), id).database;
    if (
      now?.generation !== generation ||
      now.url !== url ||
      now.seal?.key !== seal?.key ||
      now.pooled !== place.pooled ||
      now.encryptionKey !== place.encryptionKey
    ) {
      throw new EnvironmentMoved(id);
    }
  }

  /** The API may know already why the place didn't answer, or didn't let us in. */
  async function explain(error: unknown): Promise<unknown> {
    if (!mayMeanMoved(error)) return error;
    await follower.askAgain();
    try {
      assertUsable();
      return error;
    } catch (reason) {
      return reason instanceof EnvironmentMoved ? new EnvironmentMoved(id, { cause: error }) : reason;
    }
  }

  /**
   * Does `work`; once more when the database didn't let us in, and does now: nothing was begun then. The same for who
   * waited for a connection, and was sent away by a suspension that is over. `hasBegun` tells whether it was another
   * database that wasn't open to what `work` does inside.
   */
  async function attempt<Result>(work: () => Promise<Result>, hasBegun = () => false): Promise<Result> {
    try {
      return await work();
    } catch (error) {
      if (hasBegun() || !isRefusedLogin(error) || !(await repair(id))) {
        const reason = await explain(error);
        if (hasBegun() || reason !== error || !(error instanceof PlacementRetired)) throw reason;
      }
    }
    try {
      return await work();
    } catch (error) {
      throw await explain(error);
    }
  }

  const database = openAt(reach, id, place, assertUsable);
  return {
    query: (...given) => attempt(() => database.query(...given)),
    transaction(work, options) {
      let begun = false;
      const noted: typeof work = (tx) => {
        begun = true;
        return work(tx);
      };
      return attempt(
        () => database.transaction(noted, options),
        () => begun,
      );
    },
    async *stream<Row>(...given: Parameters<Database["stream"]>) {
      const rows = await attempt(() => opened(database.stream<Row>(...given)));
      try {
        yield* rows;
      } catch (error) {
        throw await explain(error);
      }
    },
  };
}

/** A file of this machine, or a database on a server. */
function openAt(
  { pools, files, follower }: { pools: Pools; files: SqliteHandles; follower: Follower },
  id: string,
  { level, serverId, url, generation, seal, pooled, statementTimeoutMs, encryptionKey }: Place,
  assertUsable: () => void,
): Database {
  if (level === "sqlite") {
    const file = sqlitePath(url);
    const maxBytes = () => bytesOf(follower.state()?.environments.get(id)?.settings.sqliteQuota);
    return files.open(
      { environmentId: id, file, encryptionKey, generation, statementTimeoutMs, maxBytes },
      { assertUsable },
    );
  }
  return openDatabase({
    pools,
    placement: { environmentId: id, level, serverId, url, generation, seal, pooled, statementTimeoutMs },
    assertUsable,
  });
}

/** The rows, once the first of them is there: before that, nothing has been handed on. */
async function opened<Row>(rows: AsyncIterable<Row>): Promise<AsyncIterable<Row>> {
  const iterator = rows[Symbol.asyncIterator]();
  const first = await iterator.next();
  return (async function* () {
    try {
      if (first.done) return;
      yield first.value;
      for (;;) {
        const next = await iterator.next();
        if (next.done) return;
        yield next.value;
      }
    } finally {
      await iterator.return?.();
    }
  })();
}

/** The server didn't take our password, or can't begin the session as the role wants it: nothing was sent but that. */
function isRefusedLogin(error: unknown): boolean {
  if (!(error instanceof DatabaseUnavailable)) return false;
  const { code } = (error.cause ?? {}) as { code?: unknown };
  return code === "28P01" || code === "28000" || code === "58P01";
}

/** No such database; not let in; moved or under another secret, as the database itself says; ended by the server, or out of reach. */
const movedCodes = new Set(["3D000", "28000", "28P01", "TN001", "TN002"]);

function mayMeanMoved(error: unknown): boolean {
  if (error instanceof PlacementRetired || error instanceof DatabaseUnavailable) return true;
  return error instanceof Error && "code" in error && movedCodes.has(String(error.code));
}
