import { type Attack, type Attacker, sql } from "./attack.ts";

const left = "Left behind in the connection";
const others = "Other sessions";
const common = "What all sessions share";
const statistics = "Statistics";
const resources = "Memory and time";

const leftBehind = (title: string, leave: string[], then: string): Attack => ({
  group: left,
  title,
  outcome: "nothing",
  // Nobody else comes to a login's connections.
  only: "application",
  async play(attacker: Attacker) {
    await attacker.runAll(...leave);
    // What the neighbour is told is its own; the test looks for what the attacker left in it.
    const rows = await attacker.neighbourAfterwards(then).catch((error: { code?: string }) => error.code);
    if (JSON.stringify(rows).includes("ATTACKER")) throw new Error("The neighbour met what was left behind.");
    return [];
  },
});

const leftovers: Attack[] = [
  leftBehind(
    "a cursor WITH HOLD",
    ["declare held cursor with hold for select * from notes"],
    "fetch all from held",
  ),
  leftBehind(
    "a prepared statement under a known name",
    ["prepare known as select 'ATTACKER' as title"],
    "execute known",
  ),
  leftBehind(
    "session settings",
    ["set application_name = 'ATTACKER'"],
    "select current_setting('application_name')",
  ),
  leftBehind("a search path", ["set search_path = 'ATTACKER'"], "select current_setting('search_path')"),
  leftBehind(
    "a context for the session",
    ["set tenantry.note = 'ATTACKER'"],
    "select current_setting('tenantry.note', true)",
  ),
  leftBehind(
    "a statement timeout that ends whatever the neighbour does",
    ["set statement_timeout = '7ms'"],
    "select case current_setting('statement_timeout') when '7ms' then 'ATTACKER' end",
  ),
  leftBehind(
    "a default of read-only transactions",
    ["set default_transaction_read_only = on"],
    "select case current_setting('default_transaction_read_only') when 'on' then 'ATTACKER' end",
  ),
  leftBehind("LISTEN", ['listen "ATTACKER"'], "select * from pg_listening_channels()"),
];

const sessions: Attack[] = [
  {
    ...sql(
      others,
      "ending the neighbour's backend",
      {
        own: "refused",
        given: {
          limit:
            "tenants share the application's role: any can end another's statements and connections, which are made anew",
        },
      },
      "select pg_terminate_backend(0)",
    ),
    only: "application",
  },
  {
    ...sql(
      others,
      "cancelling its statements",
      { own: "refused", given: { limit: "as before" } },
      "select pg_cancel_backend(0)",
    ),
    only: "application",
  },
  {
    ...sql(
      others,
      "ending the backend of the neighbour's login",
      "refused",
      ({ neighboursBackend }) => `select pg_terminate_backend(${neighboursBackend})`,
    ),
    only: "login",
  },
  {
    ...sql(
      others,
      "cancelling the statements of the neighbour's login",
      "refused",
      ({ neighboursBackend }) => `select pg_cancel_backend(${neighboursBackend})`,
    ),
    only: "login",
  },
  sql(
    others,
    "what it does at this moment (pg_stat_activity)",
    {
      login: { own: "refused", given: "nothing" },
      application: {
        own: "refused",
        given: {
          limit:
            "tenants share the application's role: texts of running statements show, values bound to them don't",
        },
      },
    },
    "select query from pg_stat_activity",
  ),
  sql(
    others,
    "which locks it holds (pg_locks)",
    { own: "refused", given: { limit: "which tables are in use at the moment shows" } },
    "select * from pg_locks",
  ),
  sql(
    others,
    "its prepared transactions",
    { own: "refused", given: "nothing" },
    "select * from pg_prepared_xacts",
  ),
];

const shared: Attack[] = [
  sql(
    common,
    "advisory locks",
    { own: "refused", given: { limit: "advisory locks are shared by all tenants of the database" } },
    "select pg_advisory_xact_lock(1)",
  ),
  sql(
    common,
    "large objects",
    {
      own: "refused",
      given: {
        limit: "large objects are shared by all tenants of the database: an application must not use them",
      },
    },
    "select lo_create(0)",
  ),
  sql(
    common,
    "pg_notify",
    { own: "refused", given: { limit: "as NOTIFY" } },
    "select pg_notify('channel', 'x')",
  ),
  sql(
    common,
    "NOTIFY and LISTEN",
    {
      limit:
        "the database has no right for them: a tenant that gets a whole statement in can hear what others send; the data path refuses both",
    },
    "notify \"channel\", 'x'",
    'listen "channel"',
  ),
  sql(
    common,
    "LOCK TABLE",
    {
      limit:
        "whoever may write rows may lock a table, until the end of its transaction; the data path refuses it",
    },
    "lock table notes in access share mode",
  ),
  sql(
    common,
    "settings changed from within an expression",
    {
      login: "nothing",
      application: {
        own: "refused",
        given: {
          limit:
            "settings of the own session can be changed; they end with the environment's turn on the connection",
        },
      },
    },
    "select set_config('work_mem', '1GB', true)",
  ),
  sql(common, "an exported snapshot", { own: "refused", given: "nothing" }, "select pg_export_snapshot()"),
];

const statisticsAttacks: Attack[] = [
  sql(
    statistics,
    "values in pg_stats",
    "nothing",
    "select * from pg_stats where tablename in ('notes', 'tags', 'log')",
  ),
  sql(statistics, "values in pg_statistic", "refused", "select * from pg_statistic"),
  sql(
    statistics,
    "the planner's estimates",
    {
      limit:
        "EXPLAIN estimates from the statistics of all tenants' rows: how often a common value occurs can be guessed",
    },
    "explain select * from notes where title = 'x'",
  ),
  sql(
    statistics,
    "how many rows and bytes a table has",
    { limit: "the size of a table over all tenants shows" },
    "select reltuples, pg_table_size(oid) from pg_class where relname = 'notes'",
  ),
];

const exhaustion: Attack[] = [
  sql(
    resources,
    "a statement that never ends",
    "refused",
    "select count(*) from generate_series(1, 10000000000)",
  ),
  sql(resources, "a wait that never ends", "refused", "select pg_sleep(1000)"),
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
  sql(
    resources,
    "much memory for one statement",
    {
      limit:
        "work_mem can be raised by anyone, up to the memory of the server; limit it with the operating system",
    },
    "set local work_mem = '1GB'",
  ),
  sql(
    resources,
    "unlimited temporary files",
    { limit: "temp_file_limit is the server's, for each process; set it there" },
    "select current_setting('temp_file_limit')",
  ),
];

export const surroundingAttacks: Attack[] = [
  ...leftovers,
  ...sessions,
  ...shared,
  ...statisticsAttacks,
  ...exhaustion,
];
