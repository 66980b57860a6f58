import type { DatabaseLevel } from "@tenantry/contract";
import type { Db, Tx } from "../../infra/db/index.ts";
import type { StepContext } from "../../infra/workflow/index.ts";

/** Why it is moved, when a rule does it. */
export type Promotion = { bytes: number; whenBytesAbove: number };

/** The server that was asked for; any that fits when left out, null for where none is needed. */
export type PlaceMove = { from: string; to: string; serverId?: string | null };

export type MoveInput = {
  appId: string;
  slug: string;
  environment: string;
  region: string | null;
  /** Each kind of thing that goes elsewhere. */
  database?: { from: DatabaseLevel; to: DatabaseLevel; serverId?: string };
  cache?: PlaceMove;
  storage?: PlaceMove;
  promotion?: Promotion;
};

export type Context = StepContext<MoveInput>;

export type Moved = { input: MoveInput; tenantId: string; environmentId: string };

/**
 * What a move does about one kind of thing that an environment has, in this order. All of it is repeatable, and may let the
 * step wait by a `Waiting`; until the environment is sent to its next place the one that it has is as it was.
 */
export type Carrier = {
  readonly kind: "database" | "cache" | "storage";
  /** Throws what keeps it from being moved, as things stand. */
  check(db: Db, moved: Moved): Promise<void>;
  /** Makes the next place, and does there what may be done while the other one is used. */
  build(context: Context): Promise<unknown>;
  /** Lets nobody of the environment in any more where it is. */
  close(context: Context): Promise<unknown>;
  /** Brings everything to the next place; nobody uses either now. */
  copy(context: Context): Promise<unknown>;
  /** Throws unless it is all there. */
  verify(context: Context): Promise<unknown>;
  /** Lets the environment in, where it is or at its next place. */
  reopen(context: Context, which: "current" | "next"): Promise<void>;
  /** In the transaction that sends the environment to its next place. */
  arrive?(tx: Tx, context: Context): Promise<void>;
  /** Brings along, once the environment is open, what was written where it was by somebody who couldn't be kept out. */
  late?(context: Context): Promise<unknown>;
  /** Removes every place but the one where it is. */
  removeOthers(context: Context): Promise<void>;
};

/** What a step came to for one kind. */
export function resultOf<Result>(context: Context, step: string, kind: Carrier["kind"]): Result | undefined {
  return (context.results[step] as Partial<Record<string, Result>> | undefined)?.[kind];
}
