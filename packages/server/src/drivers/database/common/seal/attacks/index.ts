import type { Attack } from "./attack.ts";
import { contextAttacks } from "./context.ts";
import { exhaustionAttacks } from "./exhaustion.ts";
import { loginAttacks } from "./logins.ts";
import { placeAttacks } from "./places.ts";
import { rowAttacks } from "./rows.ts";
import { surroundingAttacks } from "./surroundings.ts";

export {
  type At,
  type Attack,
  type Attacker,
  type By,
  type Ground,
  type Level,
  type Outcome,
  outcomeAt,
} from "./attack.ts";

/** All that a tenant with any SQL it likes may try at any level. */
export const attacks: readonly Attack[] = [
  ...contextAttacks,
  ...loginAttacks,
  ...placeAttacks,
  ...rowAttacks,
  ...surroundingAttacks,
  ...exhaustionAttacks,
];
