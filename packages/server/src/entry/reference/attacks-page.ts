import { type FileAttack, fileAttacks } from "../../drivers/database/common/seal/attacks/files.ts";
import {
  type At,
  type Attack,
  attacks,
  type Outcome,
  outcomeAt,
} from "../../drivers/database/common/seal/attacks/index.ts";
import { page, table } from "./markdown.ts";

const columns: { title: string; at: Pick<At, "level" | "ground">[] }[] = [
  { title: "`shared` by parameter", at: [{ level: "shared", ground: "own" }] },
  { title: "`shared` by statement", at: [{ level: "shared", ground: "given" }] },
  ...(["schema", "database", "dedicated"] as const).map((level) => ({
    title: `\`${level}\``,
    at: [
      { level, ground: "own" as const },
      { level, ground: "given" as const },
    ],
  })),
];

/** What the attack suite tries at each level, and what each attack comes to. */
export function attacksPage(): string {
  const groups = [...Map.groupBy(attacks, ({ group }) => group)].flatMap(([group, list]) => [
    `## ${group}`,
    table(
      ["Attack", ...columns.map(({ title }) => title)],
      list.map((attack) => [attack.title, ...columns.map(({ at }) => cell(attack, at))]),
    ),
  ]);
  return page(
    "Attacks on a database",
    "One tenant, with any SQL it likes, against its neighbour. The tests play each line on PostgreSQL 15 and 18, as the application's role, past everything that the data path refuses before, and by a [login that was given out](../guides/any-language.md) to that tenant. Where both come to the same it is said once.",
    '"Refused": an error. "Nothing": it runs, and neither shows nor changes anything of the neighbour\'s. "–": there is no such thing there. The rest are limits of the level: a tenant for whom one of them is too much belongs at a higher one.',
    'A server of ours is one whose superuser Tenantry is, as with the embedded one; a given server is one where it may make databases and roles, and no more. At `shared` the environment lies in a parameter that nobody else may set on servers of ours ("by parameter"), and each statement verifies its token on given ones ("by statement"). At the other levels both are played, too, and told apart where they differ. The neighbour lives in another schema of the same database at `schema`, in another database of the same server at `database`, on another server at `dedicated`.',
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

/** What is the same for all is said once. */
function cell(attack: Attack, places: readonly Pick<At, "level" | "ground">[]): string {
  const said = new Map<string, string[]>();
  for (const place of places) {
    const [application, login] = (["application", "login"] as const).map((by) =>
      words(outcomeAt(attack, { ...place, by })),
    );
    const both = application === login ? application! : `${application}; by a login ${login}`;
    said.set(both, [...(said.get(both) ?? []), place.ground]);
  }
  if (said.size === 1) return [...said.keys()][0]!;
  const where: Record<string, string> = { own: "on a server of ours", given: "on a given one" };
  return [...said].map(([outcome, [ground]]) => `${where[ground!]} ${outcome}`).join("; ");
}

function words(outcome: Outcome | undefined): string {
  if (outcome === undefined) return "–";
  return typeof outcome === "string" ? outcome : `limit: ${outcome.limit}`;
}
