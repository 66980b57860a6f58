import { type Attack, sql } from "./attack.ts";

const resources = "Memory and time";

const memory: Attack["outcome"] = {
  own: "refused",
  given: {
    limit:
      "PostgreSQL has no bound, and work_mem can be raised by anyone: bound the memory of the server's processes (ulimit -d), as Tenantry does with its own",
  },
};

/** Each backend of a server of ours has a bound; on a given one there may be none, and the machine isn't ours. */
const eat =
  (statement: string): Attack["play"] =>
  ({ ground, anew }) =>
    anew("-c work_mem=1GB -c statement_timeout=60s", ground === "own" ? statement : "show work_mem");

const spill: Attack["play"] = ({ ground, anew }) =>
  anew(
    "-c work_mem=64kB -c statement_timeout=60s",
    ground === "own"
      ? "select count(*) from (select md5(n::text) from generate_series(1, 20000000) n order by 1) sorted"
      : "show temp_file_limit",
  );

const soon = "-c statement_timeout=100";

/** What takes all there is for one. */
export const exhaustionAttacks: Attack[] = [
  {
    ...{ group: resources, title: "a statement that never ends", outcome: "refused" },
    play: ({ anew }) => anew(soon, "select count(*) from generate_series(1, 10000000000)"),
  },
  {
    ...{ group: resources, title: "a wait that never ends", outcome: "refused" },
    play: ({ anew }) => anew(soon, "select pg_sleep(1000)"),
  },
  sql(
    resources,
    "a statement that never ends, with its timeout set off before",
    {
      login: {
        limit: "a login begins with timeouts that it can switch off: it holds 10 connections at most",
      },
      application: {
        limit:
          "a tenant that gets several statements in can switch the server's timeout off; the data path cancels 5 s after it",
      },
    },
    "set local statement_timeout = 0",
  ),
  {
    ...{ group: resources, title: "memory without end, in values", bounded: true },
    outcome: memory,
    play: eat(
      "select length(array_agg(repeat(md5(n::text), 1000))::text) from generate_series(1, 10000000) n",
    ),
  },
  {
    ...{ group: resources, title: "memory without end, in a sort with work_mem of its own", bounded: true },
    outcome: memory,
    play: eat(
      "select count(*) from (select md5(n::text) from generate_series(1, 20000000) n order by 1) sorted",
    ),
  },
  {
    ...{ group: resources, title: "temporary files without end", bounded: true },
    outcome: {
      own: "refused",
      given: { limit: "temp_file_limit is the server's, for each process; set it there" },
    },
    play: spill,
  },
  sql(resources, "the stack, by nesting", "refused", `select 1 ${"+ 1".repeat(50_000)}`),
  sql(resources, "a value larger than there can be", "refused", "select length(repeat('x', 2000000000))"),
  {
    ...{ group: resources, title: "connections, until the neighbour gets none" },
    outcome: {
      shared: { login: "refused" },
      schema: "refused",
      database: "refused",
      dedicated: { login: "refused" },
    },
    play: async ({ hold }) => void (await hold(20)),
  },
];
