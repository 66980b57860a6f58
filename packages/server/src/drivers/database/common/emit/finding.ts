import type { DatabaseLevel } from "@tenantry/contract";

/** Something of an application's schema that a level doesn't hold as it is. */
export type Finding = {
  /** The migration where it stands, when it could be found there. */
  file?: string;
  line?: number;
  /** `table notes`, `function total(integer)`. */
  object: string;
  level: DatabaseLevel;
  /** `refused`: the level can't hold it. `differs`: it is held, and behaves otherwise than on a server of its own. */
  severity: "refused" | "differs";
  problem: string;
  remedy: string;
};
