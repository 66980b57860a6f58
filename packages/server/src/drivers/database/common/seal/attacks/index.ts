import type { Attack } from "./attack.ts";
import { contextAttacks } from "./context.ts";
import { loginAttacks } from "./logins.ts";
import { rowAttacks } from "./rows.ts";
import { surroundingAttacks } from "./surroundings.ts";

export {
  type Attack,
  type Attacker,
  type By,
  type Ground,
  type Outcome,
  outcomeOn,
  playedBy,
} from "./attack.ts";

/** All that a tenant with any SQL it likes may try at the level `shared`. */
export const attacks: readonly Attack[] = [
  ...contextAttacks,
  ...loginAttacks,
  ...rowAttacks,
  ...surroundingAttacks,
];
