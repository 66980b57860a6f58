import { type Attack, type Attacker, sql } from "./attack.ts";

const left = "Left behind in the connection";
const others = "Other sessions";
const common = "What all sessions share";
const statistics = "Statistics";

const leftBehind = (title: string, leave: string[], then: string): Attack => ({
  group: left,
  title,
  // Nobody else comes to a login's connections, nor to those of an environment with a role of its own.
  outcome: { shared: { application: "nothing" } },
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
  leftBehind(
    "a read-only session",
    ["set session characteristics as transaction read only"],
    "select case current_setting('default_transaction_read_only') when 'on' then 'ATTACKER' end",
  ),
  leftBehind("LISTEN", ['listen "ATTACKER"'], "select * from pg_listening_channels()"),
];

const ofOwnRole: Attack["outcome"] = { shared: { login: "refused" }, schema: "refused", database: "refused" };

const sessions: Attack[] = [
  sql(
    others,
    "ending the neighbour's backend",
    {
      shared: {
        application: {
          own: "refused",
          given: {
            limit:
              "tenants share the application's role: any can end another's statements and connections, which are made anew",
          },
        },
      },
    },
    "select pg_terminate_backend(0)",
  ),
  sql(
    others,
    "cancelling its statements",
    { shared: { application: { own: "refused", given: { limit: "as before" } } } },
    "select pg_cancel_backend(0)",
  ),
  sql(
    others,
    "ending the backend of the neighbour's own role or login",
    { ...ofOwnRole, dedicated: "nothing" },
    ({ neighboursBackend }) => `select pg_terminate_backend(${neighboursBackend})`,
  ),
  sql(
    others,
    "cancelling the statements of its own role or login",
    { ...ofOwnRole, dedicated: "nothing" },
    ({ neighboursBackend }) => `select pg_cancel_backend(${neighboursBackend})`,
  ),
  sql(
    others,
    "the memory of the neighbour's backend, into the log",
    "refused",
    ({ neighboursBackend }) => `select pg_log_backend_memory_contexts(${neighboursBackend})`,
  ),
  sql(
    others,
    "what it does at this moment (pg_stat_activity)",
    {
      shared: {
        login: { own: "refused", given: "nothing" },
        application: {
          own: "refused",
          given: {
            limit:
              "tenants share the application's role: texts of running statements show, values bound to them don't",
          },
        },
      },
      apart: "nothing",
    },
    "select query from pg_stat_activity",
  ),
  sql(
    others,
    "which locks it holds (pg_locks)",
    {
      shared: { own: "refused", given: { limit: "which tables are in use at the moment shows" } },
      schema: { limit: "which tables are in use at the moment shows" },
      database: { limit: "which databases are in use at the moment shows, by their numbers" },
      dedicated: "nothing",
    },
    "select * from pg_locks",
  ),
  sql(
    others,
    "its prepared transactions",
    { shared: { own: "refused", given: "nothing" }, apart: "nothing" },
    "select * from pg_prepared_xacts",
  ),
  {
    ...{
      group: others,
      title: "a prepared transaction, whose locks nobody ends",
      outcome: "refused",
    },
    play: ({ bare }) => bare("begin", "update notes set title = title", "prepare transaction 'mine'"),
  },
  sql(
    others,
    "texts of all statements (pg_stat_statements)",
    "refused",
    "create extension pg_stat_statements",
  ),
];

const sharedLocks = { limit: "advisory locks are shared by all tenants of the database" };

const shared: Attack[] = [
  sql(
    common,
    "advisory locks",
    {
      shared: { own: "refused", given: sharedLocks },
      schema: sharedLocks,
      apart: "nothing",
    },
    "select pg_advisory_xact_lock(1)",
  ),
  sql(
    common,
    "large objects",
    {
      shared: {
        own: "refused",
        given: {
          limit: "large objects are shared by all tenants of the database: an application must not use them",
        },
      },
      apart: "nothing",
    },
    "select lo_create(0)",
  ),
  {
    ...{ group: common, title: "the neighbour's large objects" },
    outcome: { schema: "refused", apart: "nothing" },
    async play({ neighbourBeside, runAll }) {
      await neighbourBeside("select lo_from_bytea(990001, 'NEIGHBOUR''s')");
      const read = "select convert_from(lo_get(oid), 'UTF8') from pg_largeobject_metadata where oid = 990001";
      return runAll(read).finally(() => neighbourBeside("select lo_unlink(990001)"));
    },
  },
  sql(
    common,
    "pg_notify",
    {
      shared: { own: "refused", given: { limit: "as NOTIFY" } },
      schema: { limit: "as NOTIFY" },
      apart: "nothing",
    },
    "select pg_notify('channel', 'x')",
  ),
  sql(
    common,
    "NOTIFY and LISTEN",
    {
      shared: {
        limit:
          "the database has no right for them: a tenant that gets a whole statement in can hear what others send; the data path refuses both",
      },
      schema: {
        limit: "the database has no right for them: environments hear what others of the application send",
      },
      apart: "nothing",
    },
    "notify \"channel\", 'x'",
    'listen "channel"',
  ),
  sql(
    common,
    "LOCK TABLE",
    {
      shared: {
        limit:
          "whoever may write rows may lock a table, until the end of its transaction; the data path refuses it",
      },
      apart: "nothing",
    },
    "lock table notes in access share mode",
  ),
  sql(
    common,
    "settings changed from within an expression",
    {
      shared: {
        login: "nothing",
        application: {
          own: "refused",
          given: {
            limit:
              "settings of the own session can be changed; they end with the environment's turn on the connection",
          },
        },
      },
      apart: "nothing",
    },
    "select set_config('work_mem', '1GB', true)",
  ),
  sql(
    common,
    "an exported snapshot",
    { shared: { own: "refused", given: "nothing" }, apart: "nothing" },
    "select pg_export_snapshot()",
  ),
  sql(
    common,
    "settings for everybody in the database",
    "refused",
    "do $$ begin execute format('alter database %I set default_transaction_read_only = on', current_database()); end $$",
  ),
  sql(common, "the server's settings read anew", "refused", "select pg_reload_conf()"),
  sql(common, "another file of the log", "refused", "select pg_switch_wal()"),
  sql(common, "a checkpoint", "refused", "checkpoint"),
  sql(common, "counters of activity set back", "refused", "select pg_stat_reset()"),
  sql(common, "a label on a table", "refused", "security label on table notes is 'mine'"),
];

const shows = {
  limit: "counts of transactions and rows show for each database of the server, beside opaque names",
};
const activityShows = { shared: shows, schema: shows, database: shows };

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
      shared: {
        limit:
          "EXPLAIN estimates from the statistics of all tenants' rows: whoever asks often enough finds about a hundred of a column's values, evenly spread, and how often common ones occur, not whose they are",
      },
      apart: "nothing",
    },
    "explain select * from notes where title = 'x'",
  ),
  sql(
    statistics,
    "how many rows and bytes a table has",
    {
      shared: { limit: "the size of a table over all tenants shows" },
      schema: { limit: "the sizes of neighbours' tables show, beside opaque names" },
      apart: "nothing",
    },
    "select reltuples, pg_table_size(oid) from pg_class where relname = 'notes'",
  ),
  sql(
    statistics,
    "how much is read and written (pg_stat_all_tables)",
    {
      shared: { limit: "it shows, over all tenants" },
      schema: { limit: "it shows for neighbours' tables, beside opaque names" },
      apart: "nothing",
    },
    "select relid::regclass, n_tup_ins from pg_stat_all_tables where relname = 'notes'",
  ),
  sql(
    statistics,
    "how large the neighbour's database is",
    { database: "refused", dedicated: "refused" },
    ({ neighboursDatabase }) => `select pg_database_size('${neighboursDatabase}')`,
  ),
  sql(
    statistics,
    "how much goes on in other databases (pg_stat_database), and which there are",
    { dedicated: "nothing", ...activityShows },
    "select datname, xact_commit, tup_inserted from pg_stat_database",
  ),
  sql(
    statistics,
    "the catalog's rows about the neighbour's tables",
    {
      schema: { limit: "that they are there shows, under opaque names, with what the migrations say" },
      apart: "nothing",
      shared: "nothing",
    },
    "select count(*) from pg_class where relname = 'notes'",
  ),
];

export const surroundingAttacks: Attack[] = [...leftovers, ...sessions, ...shared, ...statisticsAttacks];
