import { createHash } from "node:crypto";
import { type Attack, type Attacker, sql } from "./attack.ts";

const group = "Another environment's place";
const numbers = "Numbers";

const theirs = (name: string, text: (name: string) => string) => (attacker: Attacker) =>
  text(attacker.neighbours(name));

/** At `shared` the names are the own ones, too, and lead to the own rows. */
const byName: Attack["outcome"] = { shared: "nothing", apart: "refused" };

const names: Attack[] = [
  sql(
    group,
    "its rows by the table's full name",
    byName,
    theirs("notes", (name) => `select * from ${name}`),
  ),
  sql(
    group,
    "its partition",
    byName,
    theirs("log_2026", (name) => `select * from ${name}`),
  ),
  sql(
    group,
    "its view",
    byName,
    theirs("titles", (name) => `select * from ${name}`),
  ),
  sql(
    group,
    "its materialised view",
    { apart: "refused" },
    theirs("kept_titles", (name) => `select * from ${name}`),
  ),
  sql(
    group,
    "its definer function",
    byName,
    theirs("find_notes", (name) => `select ${name}('true')`),
  ),
  sql(
    group,
    "writing there",
    byName,
    theirs("notes", (name) => `insert into ${name} (id, title) values (50, 'planted')`),
    theirs("notes", (name) => `delete from ${name}`),
  ),
  sql(
    group,
    "emptying its table",
    "refused",
    theirs("notes", (name) => `truncate ${name}`),
  ),
  sql(
    group,
    "locking its table",
    { apart: "refused" },
    theirs("notes", (name) => `lock table ${name} in access share mode`),
  ),
  sql(
    group,
    "its own definer function, made to read there",
    byName,
    theirs("notes", (name) => `select find_notes('false union all select title from ${name}')`),
  ),
  {
    ...{ group, title: "copying it out", outcome: byName },
    play: (attacker) => attacker.copyOut(`copy (select * from ${attacker.neighbours("notes")}) to stdout`),
  },
  sql(
    group,
    "its schema first in the search path",
    { schema: "nothing" },
    ({ neighbours }) => `set local search_path = ${neighbours("").slice(0, -1)}, pg_catalog`,
    "select to_regclass('notes') as found",
  ),
  sql(group, "taking its rights along", { schema: "refused" }, theirs("", grantUsage)),
];

function grantUsage(schema: string): string {
  return `do $$ begin execute 'grant usage on schema ${schema.slice(0, -1)} to ' || quote_ident(current_user); end $$`;
}

const databases: Attack[] = [
  {
    ...{ group, title: "a connection to its database, with the own password" },
    outcome: { database: "refused", dedicated: "refused" },
    play: ({ elsewhere, neighboursDatabase }) =>
      elsewhere({ database: neighboursDatabase, server: "neighbours" }, "select 1"),
  },
  ...["postgres", "template1"].map(
    (database): Attack => ({
      ...{ group, title: `a connection to the database ${database}` },
      outcome: {
        own: "refused",
        given: {
          limit:
            "databases that Tenantry didn't make are their owner's to close: `tenantry doctor` names those that PUBLIC may connect to",
        },
      },
      play: ({ elsewhere }) => elsewhere({ database, server: "own" }, "select 1"),
    }),
  ),
];

/** The name under which the column's default counts. */
const counter = '"numbers_id_seq"';

const insert = "insert into numbers (word) values ('x') returning id";

/** The neighbour's next number is the first one that nobody has, whatever the attacker did. */
const counted = (title: string, outcome: Attack["outcome"], ...statements: string[]): Attack => ({
  ...{ group: numbers, title, outcome },
  async play({ runAll, neighbourBeside }) {
    const before = await neighbourBeside(insert);
    const rows = await runAll(...statements).finally(() => runAll("delete from numbers"));
    const after = await neighbourBeside(insert);
    await neighbourBeside("delete from numbers");
    if (after[0]!.id !== before[0]!.id + 1) throw new Error("The neighbour's numbers were changed.");
    return rows;
  },
});

const counters: Attack[] = [
  counted(
    "taking thousands",
    "nothing",
    "insert into numbers (word) select 'x' from generate_series(1, 5000)",
  ),
  counted("the largest one", "nothing", "insert into numbers (id, word) values (2147483647, 'x')"),
  counted(
    "the counter's function",
    { shared: "nothing" },
    `select count(tenantry.next_number('${counter}')) from generate_series(1, 5000)`,
  ),
  {
    ...{ group: numbers, title: "the neighbour's numbers, by forging what this transaction may still take" },
    outcome: { shared: "nothing" },
    play: (attacker) =>
      counted(
        "",
        "nothing",
        `set local "tenantry.counter_${createHash("md5").update(counter).digest("hex")}" = '${attacker.neighbour} 1 1 1 9'`,
        `select tenantry.next_number('${counter}')`,
      ).play(attacker),
  },
  sql(numbers, "the counters' table", { shared: "refused" }, "select * from tenantry.count"),
  sql(
    numbers,
    "setting the counters on",
    { shared: "refused" },
    "update tenantry.count set value = 2147483647",
  ),
  sql(
    numbers,
    "setting its own sequence to the end",
    { apart: "nothing" },
    "select setval('numbers_id_seq', 2147483647)",
    "select setval('numbers_id_seq', 100000)",
  ),
  sql(
    numbers,
    "the neighbour's sequence",
    { apart: "refused" },
    theirs("numbers_id_seq", (name) => `select last_value from ${name}`),
  ),
  {
    ...{ group: numbers, title: "the neighbour's next number, by the sequence's oid" },
    outcome: { schema: "refused" },
    play: ({ runAll }) =>
      runAll(
        `select nextval(oid::regclass) from pg_class where relname = 'numbers_id_seq'
           and relnamespace <> current_schema()::regnamespace`,
      ),
  },
];

/** What leads to another environment's tables, databases and numbers by their names. */
export const placeAttacks: Attack[] = [...names, ...databases, ...counters];
