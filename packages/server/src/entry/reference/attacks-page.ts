import {
  type Attack,
  attacks,
  type By,
  type Outcome,
  outcomeOn,
} from "../../drivers/database/common/seal/attacks/index.ts";
import { page, table } from "./markdown.ts";

/** What the attack suite tries at the level `shared`, and what each attack comes to. */
export function attacksPage(): string {
  const groups = [...Map.groupBy(attacks, ({ group }) => group)].flatMap(([group, list]) => [
    `## ${group}`,
    table(
      ["Attack", "Own server", "Given server", "Login, own server", "Login, given server"],
      list.map((attack) => [attack.title, ...cells(attack, "application"), ...cells(attack, "login")]),
    ),
  ]);
  return page(
    "Attacks on a shared database",
    "One tenant of a database at the level `shared`, with any SQL it likes, against its neighbour. The tests play each line on PostgreSQL 15 and 18, as an application's role, past everything that the data path refuses before, and by a [login that was given out](../guides/any-language.md) to that tenant.",
    '"Own server": Tenantry is its superuser, as with the embedded one; the environment lies in a parameter that nobody else may set. "Given server": a role that may make databases and roles, and no more; each statement verifies its token. "Refused": an error. "Nothing": it runs, and neither shows nor changes anything of the neighbour\'s. The rest are limits of the level: a tenant for whom one of them is too much belongs at the level `database`.',
    ...groups,
  );
}

function cells(attack: Attack, by: By): [string, string] {
  if (attack.only && attack.only !== by) return ["–", "–"];
  const [own, given] = [words(outcomeOn(attack, "own", by)), words(outcomeOn(attack, "given", by))];
  return [own, given === own && own.startsWith("limit") ? "the same" : given];
}

function words(outcome: Outcome): string {
  return typeof outcome === "string" ? outcome : `limit: ${outcome.limit}`;
}
