import { type FileAttack, fileAttacks } from "../../drivers/database/common/seal/attacks/files.ts";
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
    "Attacks on a database",
    "First, one tenant of a database at the level `shared`, with any SQL it likes, against its neighbour. The tests play each line on PostgreSQL 15 and 18, as an application's role, past everything that the data path refuses before, and by a [login that was given out](../guides/any-language.md) to that tenant.",
    '"Own server": Tenantry is its superuser, as with the embedded one; the environment lies in a parameter that nobody else may set. "Given server": a role that may make databases and roles, and no more; each statement verifies its token. "Refused": an error. "Nothing": it runs, and neither shows nor changes anything of the neighbour\'s. The rest are limits of the level: a tenant for whom one of them is too much belongs at the level `database`.',
    ...groups,
    "## At the level `sqlite`",
    "There the environment has a file, and the application's way to it is the only one. Its statements are read by PostgreSQL's parser and written anew for SQLite from what was read: no text of the application's reaches the engine, and what has no translation isn't run. Each line is tried as a statement, within a transaction and as a stream, while a neighbour works in the same process; afterwards there is no file that wasn't there before. In brackets the SQLSTATE. What an environment may fill of the disk isn't bounded by this level.",
    ...fileGroups(),
  );
}

function fileGroups(): string[] {
  return [...Map.groupBy(fileAttacks, ({ group }) => group)].flatMap(([group, list]) => [
    `### ${group}`,
    table(
      ["Attack", "Outcome"],
      list.map((attack) => [attack.title, fileWords(attack)]),
    ),
  ]);
}

function fileWords({ outcome, group }: FileAttack): string {
  if (outcome === "nothing") return "nothing";
  const word = group === "Taking all" && outcome.some((code) => code === "57014") ? "ended" : "refused";
  return `${word} (${outcome.join(" or ")})`;
}

function cells(attack: Attack, by: By): [string, string] {
  if (attack.only && attack.only !== by) return ["–", "–"];
  const [own, given] = [words(outcomeOn(attack, "own", by)), words(outcomeOn(attack, "given", by))];
  return [own, given === own && own.startsWith("limit") ? "the same" : given];
}

function words(outcome: Outcome): string {
  return typeof outcome === "string" ? outcome : `limit: ${outcome.limit}`;
}
