import type { RuntimeEnvironment } from "@tenantry/contract";
import {
  type Database,
  DatabaseUnavailable,
  openDatabase,
  PlacementRetired,
  type Pools,
} from "@tenantry/data";
import { EnvironmentMoved } from "./errors.ts";
import type { RuntimeFollower } from "./runtime/follower.ts";
import { usableEnvironment } from "./usable.ts";

type Place = NonNullable<RuntimeEnvironment["database"]>;
type Follower = Pick<RuntimeFollower, "state" | "askAgain">;

/**
 * An environment's database at one place. Before every statement it is made sure that the environment may be used, and
 * still lives here; a failure that a move or a suspension explains is told as such.
 */
export function openTenantDatabase(pools: Pools, follower: Follower, id: string, place: Place): Database {
  const { serverId, url, generation, seal } = place;

  function assertUsable(): void {
    const now = usableEnvironment(follower.state(), id).database;
    if (now?.generation !== generation || now.url !== url || now.seal?.key !== seal?.key) {
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

  const database = openDatabase({
    pools,
    placement: { environmentId: id, serverId, url, generation, seal },
    assertUsable,
  });
  return {
    query: (...given) => orExplained(database.query(...given), explain),
    transaction: (...given) => orExplained(database.transaction(...given), explain),
    async *stream(...given) {
      try {
        yield* database.stream(...given);
      } catch (error) {
        throw await explain(error);
      }
    },
  } as Database;
}

async function orExplained<Result>(
  work: Promise<Result>,
  explain: (error: unknown) => Promise<unknown>,
): Promise<Result> {
  try {
    return await work;
  } catch (error) {
    throw await explain(error);
  }
}

/** No such database; not let in; moved or under another secret, as the database itself says; ended by the server, or out of reach. */
const movedCodes = new Set(["3D000", "28000", "28P01", "TN001", "TN002"]);

function mayMeanMoved(error: unknown): boolean {
  if (error instanceof PlacementRetired || error instanceof DatabaseUnavailable) return true;
  return error instanceof Error && "code" in error && movedCodes.has(String(error.code));
}
