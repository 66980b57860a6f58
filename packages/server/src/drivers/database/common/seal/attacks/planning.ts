import { type Attack, type Attacker, sql } from "./attack.ts";

const leaks = "Leaky functions and operators";

const hasIt = "NEIGHBOUR''s note";
const nobodyHasIt = "NOBODY''s note";

/** What is seen with a value that the neighbour has and with one that nobody has: where it differs, values can be guessed. */
function alike(title: string, seeAs: (attacker: Attacker, value: string) => Promise<unknown>): Attack {
  return {
    ...{ group: leaks, title, outcome: "nothing" },
    async play(attacker) {
      const [one, other] = [await seeAs(attacker, hasIt), await seeAs(attacker, nobodyHasIt)];
      const [shown, otherwise] = [JSON.stringify(one), JSON.stringify(other)];
      if (shown !== otherwise) throw new Error(`It shows what is there: ${shown}, or else ${otherwise}`);
      return [];
    },
  };
}

/** A plan, with what was counted while it ran. */
const plan =
  (select: (value: string) => string, ...settings: string[]) =>
  async ({ runAll }: Attacker, value: string): Promise<string> => {
    const options = "analyze, costs off, timing off, summary off, buffers off, format json";
    const found = await runAll(...settings, `explain (${options}) ${select(value)}`);
    return JSON.stringify(found).replaceAll(/(NEIGHBOUR|NOBODY)''s/g, "…");
  };

/** Whether it fails, and whatever it answers. */
const answer =
  (select: (value: string) => string, ...before: string[]) =>
  ({ runAll }: Attacker, value: string): Promise<unknown> =>
    runAll(...before, select(value)).catch(({ code }: { code?: string }) => code);

/** A query that fails, and is only run where something asks for its value. */
const failing = "(select 1 / (count(*) - count(*)) = 1 from pg_class)";

const wholeTable = ["set local enable_indexscan = off", "set local enable_bitmapscan = off"];
const byIndex = ["set local enable_seqscan = off", "set local enable_bitmapscan = off"];

/** PostgreSQL tries leakproof conditions that cost it less than the policy before it. */
export const planningAttacks: Attack[] = [
  alike(
    "what EXPLAIN ANALYZE counts, by a condition that is tried before the policy",
    plan((value) => `select 1 from notes where title = any (array['${value}'])`, ...wholeTable),
  ),
  alike(
    "the same for rows by their place",
    plan(
      (value) => `select 1 from notes where title = any (array['${value}'])
        and ctid = any (array(select format('(0,%s)', n)::tid from generate_series(1, 100) n))`,
      ...wholeTable,
    ),
  ),
  alike(
    "the same behind an outer join",
    plan(
      (value) => `select 1 from (values (1)) own left join notes on title = any (array['${value}'])`,
      ...wholeTable,
    ),
  ),
  alike(
    "a query that is run, and fails, where a condition holds that is tried before the policy",
    answer(
      (value) => `select 1 from notes
        where case when title = any (array['${value}']) then ${failing} else true end`,
      ...wholeTable,
    ),
  ),
  alike(
    "the same with a condition that costs nothing: a part of a document",
    answer(
      (value) => `select 1 from notes
        where case when ('{"${value}": 1}'::jsonb)[title] is null then true else ${failing} end`,
      ...wholeTable,
    ),
  ),
  alike(
    "the same in a union of all",
    answer(
      (value) => `select 1 from (select title from notes union all select title from notes) both
        where case when ('{"${value}": 1}'::jsonb)[title] is null then true else ${failing} end`,
      ...wholeTable,
    ),
  ),
  alike(
    "the same while changing and deleting",
    answer(
      (
        value,
      ) => `with deleted as (delete from tags where case when tag = any (array['${value.replace("note", "tag")}'])
          then ${failing} else false end returning 1)
        update notes set title = title where case when title = any (array['${value}']) then ${failing} else false end`,
      ...wholeTable,
    ),
  ),
  alike(
    "pages read for a long value, by a condition that is tried before the policy",
    async (attacker, value) => {
      const select = `select 1 from notes where title = any (array['${value}']) and body < any (array['~'])`;
      const explain = `explain (analyze, costs off, timing off, buffers, format json) ${select}`;
      // The first time it looks up what the session doesn't know yet.
      const [row] = await attacker.runAll(...wholeTable, explain, explain);
      const { Plan } = (row!["QUERY PLAN"] as { Plan: Record<string, number> }[])[0]!;
      return Plan["Shared Hit Blocks"]! + Plan["Shared Read Blocks"]!;
    },
  ),
  alike("a plan that stands, made before it was said what conditions cost", async ({ runAll }, value) => {
    const guess = `case when title = any (array['${value}']) then ${failing} else true end`;
    const unlessRefused = (...statements: string[]) =>
      runAll(...wholeTable, "set local plan_cache_mode = force_generic_plan", ...statements).catch(
        ({ code }: { code?: string }) => code,
      );
    await runAll(`prepare guess as select 1 from notes where ${guess}`);
    await unlessRefused("set local cpu_operator_cost = 0.0025", "execute guess");
    const found = await unlessRefused("execute guess");
    await runAll("deallocate guess");
    return found;
  }),
  sql(
    leaks,
    "what conditions cost the planner set back, so that they come before the policy",
    { shared: "refused" },
    "set local cpu_operator_cost = 0.0025",
    "select 1 from notes",
  ),
  sql(
    leaks,
    "the least that they can cost beside nothing",
    { shared: "refused" },
    "set local cpu_operator_cost = '4.94e-324'",
    "select 1 from notes",
  ),
  alike(
    "what EXPLAIN ANALYZE counts in an index that isn't a B-tree",
    plan((value) => `select 1 from log where line = '${value.replace("note", "line")}'`, ...byIndex),
  ),
  alike("rows that an index gave, counted by the session's own statistics", async ({ runAll }, value) => {
    const counted = async (...before: string[]) => {
      const rows = await runAll(
        ...byIndex,
        ...before,
        `select sum(pg_stat_get_xact_tuples_fetched(indexrelid)) as rows from pg_index where indrelid = 'log_2026'::regclass`,
      );
      return Number(rows[0]!.rows ?? 0);
    };
    const before = await counted();
    return (await counted(`select 1 from log where line = '${value.replace("note", "line")}'`)) - before;
  }),
  sql(
    leaks,
    "a condition that is tried before the policy, without a context, to see whether that fails",
    { shared: { application: "refused" } },
    "commit",
    `select 1 from notes where title = any (array['${nobodyHasIt}'])`,
  ),
];
