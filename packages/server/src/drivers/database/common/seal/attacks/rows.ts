import { type Attack, type Attacker, sql } from "./attack.ts";
import { planningAttacks } from "./planning.ts";

const leaks = "Leaky functions and operators";
const names = "Search path and hijacked names";
const doors = "Views, partitions, functions with other rights";
const forms = "Changing tables instead of rows";
const oracles = "Keys as oracles";

const readAll = "select * from notes";
const toNeighbour = ({ neighbour }: Attacker): string => `'${neighbour}'`;

const reading: Attack[] = [
  sql(
    leaks,
    "a division by zero for each row that fits",
    "nothing",
    "select 1 from notes where 1 / (case when title like 'NEIGHBOUR%' then 0 else 1 end) = 1",
  ),
  sql(
    leaks,
    "a cast that fails and shows the value",
    "nothing",
    "select title from notes where title like 'NEIGHBOUR%' and title::int = 0",
  ),
  sql(
    leaks,
    "an operator on jsonb that isn't leakproof",
    "nothing",
    "select * from notes where detail @> '{\"secret\": true}'",
  ),
  sql(
    leaks,
    "a cheap function of its own, run before the policy",
    "refused",
    "create function leak(text) returns boolean cost 0.0000001 language sql as 'select true'",
  ),
  sql(
    leaks,
    "an anonymous block",
    { shared: { own: "refused", given: "nothing" }, apart: "nothing" },
    "do $$ declare r record; begin for r in select * from notes loop raise exception '%', r; end loop; exception when others then raise warning '%', sqlerrm; end $$",
  ),
  sql(
    leaks,
    "rows as XML, by functions that run any query",
    "nothing",
    "select query_to_xml('select * from notes', true, true, ''), table_to_xml('notes', true, true, ''), schema_to_xml(current_schema(), true, true, '')",
  ),
  sql(
    leaks,
    "words of rows, by a function that runs any query",
    "nothing",
    "select upper(word) from ts_stat('select to_tsvector(title) from notes')",
  ),
  sql(
    leaks,
    "every row by its place (ctid)",
    "nothing",
    "select * from notes where ctid = any (array(select format('(0,%s)', n)::tid from generate_series(1, 100) n))",
  ),
  sql(leaks, "a sample of the whole table", "nothing", "select * from notes tablesample system (100)"),
  sql(
    leaks,
    "the hidden column asked for the neighbour's id",
    { shared: "nothing" },
    (a) => `select * from notes where tenantry_environment = ${toNeighbour(a)}`,
  ),
];

/** What errors tell. */
const telling: Attack[] = [
  sql(
    leaks,
    "the message of a unique value that is there",
    "refused",
    "insert into notes (id, title) values (3, 'ATTACKER''s note')",
  ),
  sql(leaks, "the message of a row that a policy or check refuses", "refused", "update tags set note_id = 2"),
  {
    ...{ group: leaks, title: "rows copied out", outcome: "nothing" },
    play: ({ copyOut }) => copyOut("copy (select * from notes) to stdout"),
  },
  {
    ...{ group: leaks, title: "a whole table copied out", outcome: "nothing" },
    play: ({ copyOut }) => copyOut("copy notes to stdout"),
  },
];

const hijack: Attack[] = [
  sql(names, "a temporary table in the place of a table", "refused", "create temporary table notes (id int)"),
  sql(
    names,
    "a function that shadows one of PostgreSQL's",
    "refused",
    "create function translate(text, text, text) returns text language sql as 'select null::text'",
  ),
  sql(
    names,
    "a temporary function",
    "refused",
    "create function pg_temp.uuid_eq(uuid, uuid) returns boolean language sql as 'select true'",
  ),
  sql(
    names,
    "a temporary type with a cast",
    "refused",
    "create type pg_temp.mine as (of text)",
    "create cast (text as pg_temp.mine) with inout as implicit",
  ),
  sql(
    names,
    "a temporary operator",
    "refused",
    "create operator pg_temp.= (leftarg = uuid, rightarg = uuid, function = uuid_eq)",
  ),
  sql(
    names,
    "a rule in the place of SELECT",
    "refused",
    "create rule mine as on insert to notes do also nothing",
  ),
  sql(names, "a schema of its own", "refused", "create schema mine"),
  sql(
    names,
    "an operator of its own",
    "refused",
    "create operator = (leftarg = uuid, rightarg = uuid, function = uuid_eq)",
  ),
  sql(
    names,
    "another search path",
    { shared: "refused" },
    "set search_path = 'tenantry'",
    "select * from secret",
  ),
  sql(
    names,
    "other functions in the place of the seal's",
    { shared: "refused" },
    "create or replace function tenantry.enter(token text) returns void language sql as 'select'",
  ),
];

const passages: Attack[] = [
  sql(doors, "a view", "nothing", "select * from titles"),
  sql(
    doors,
    "a view of its own, which runs as its owner",
    "refused",
    "create view mine as select * from notes",
  ),
  sql(doors, "a materialised view", "refused", "create materialized view mine as select * from notes"),
  sql(doors, "a partition by its own name", "nothing", "select * from log_2026"),
  sql(doors, "ONLY a partitioned table", "nothing", "select * from only log"),
  sql(
    doors,
    "injection into a definer function",
    "nothing",
    "select find_notes('true or true')",
    "select find_notes($x$false union all select line from log$x$)",
  ),
  sql(
    doors,
    "a definer function that switches policies off",
    { shared: { own: "refused", given: "nothing" }, apart: "nothing" },
    "select find_notes($x$false union all select set_config('row_security', 'off', false) union all select title from notes$x$)",
  ),
  sql(
    doors,
    "a policy of the application's own that fails on the neighbour's row",
    "nothing",
    "select * from drafts",
  ),
  sql(doors, "the secret", { shared: "refused" }, "select * from tenantry.secret"),
  sql(doors, "removing the secret", { shared: "refused" }, "delete from tenantry.secret"),
  sql(doors, "which environments are here", { shared: "refused" }, "select * from tenantry.admitted"),
  {
    ...{ group: doors, title: "Tenantry's ledger of migrations", outcome: "refused" },
    async play({ runAll }) {
      const [row] = await runAll(
        "select quote_ident(relname) as name from pg_class where relnamespace = 'tenantry_ledger'::regnamespace and relkind = 'r' limit 1",
      );
      return runAll(`select * from tenantry_ledger.${row!.name}`);
    },
  },
  sql(doors, "passwords (pg_authid)", "refused", "select * from pg_authid"),
  sql(doors, "dblink", "refused", "create extension dblink"),
  sql(doors, "postgres_fdw", "refused", "create extension postgres_fdw"),
  sql(doors, "file_fdw", "refused", "create extension file_fdw"),
  sql(doors, "a foreign server", "refused", "create foreign data wrapper mine"),
  sql(doors, "files of the server", "refused", "select pg_read_file('postgresql.conf')"),
  sql(
    doors,
    "a file of the server as an entity of an XML document",
    "nothing",
    `select case when xpath('/x/text()', xmlparse(document '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><x>&e;</x>'))::text
       like '%root:%' then 'NEIGHBOUR' end`,
  ),
  sql(doors, "directories of the server", "refused", "select pg_ls_dir('.')"),
  sql(doors, "a file as a large object", "refused", "select lo_import('/etc/passwd')"),
  sql(doors, "the server's log", "refused", "select * from pg_ls_logdir()"),
  sql(doors, "who may log in from where", "refused", "select * from pg_hba_file_rules"),
  sql(doors, "the server's files of settings", "refused", "select * from pg_file_settings"),
  sql(doors, "a library loaded into the backend", "refused", "load 'dblink'"),
  sql(doors, "raw pages of the table", "refused", "create extension pageinspect"),
];

const changing: Attack[] = [
  sql(
    forms,
    "the catalog written by hand",
    "refused",
    "update pg_class set relrowsecurity = false where relname = 'notes'",
  ),
  sql(
    forms,
    "a lock on the seal's secret, which would keep everybody out",
    { shared: "refused" },
    "lock table tenantry.secret in access exclusive mode",
  ),
  sql(forms, "switching row-level security off", "refused", "alter table notes disable row level security"),
  sql(forms, "no longer forcing it", "refused", "alter table notes no force row level security"),
  sql(forms, "dropping the policy", { shared: "refused" }, "drop policy tenantry on notes"),
  sql(forms, "a policy of its own", "refused", "create policy mine on notes using (true)"),
  sql(
    forms,
    "a trigger of its own",
    "refused",
    "create trigger mine before insert on notes for each row execute function suppress_redundant_updates_trigger()",
  ),
  sql(forms, "TRUNCATE", "refused", "truncate notes"),
  sql(forms, "DROP TABLE", "refused", "drop table notes cascade"),
  sql(forms, "COPY to the server's files, or a program", "refused", "copy notes to program 'cat'"),
  sql(forms, "COPY FROM past the policies", "refused", "copy notes from '/dev/null'"),
  sql(forms, "ALTER DATABASE, ALTER SYSTEM", "refused", "alter system set row_security = off"),
  sql(
    forms,
    "a materialised view filled anew",
    { apart: "refused" },
    "refresh materialized view kept_titles",
  ),
  sql(
    forms,
    "an event trigger",
    "refused",
    "create event trigger mine on ddl_command_start execute function f()",
  ),
  sql(forms, "statistics of its own", "refused", "create statistics mine on id, title from notes"),
  sql(forms, "its rows for everybody", "nothing", "grant select on notes to public"),
  sql(forms, "VACUUM and ANALYZE", "nothing", "analyze notes"),
  {
    ...{ group: forms, title: "VACUUM FULL, which keeps everybody out", outcome: "nothing" },
    play: ({ bare }) => bare("vacuum full notes"),
  },
  sql(
    forms,
    "a replication slot, to read all changes from",
    "refused",
    "select pg_create_logical_replication_slot('mine', 'pgoutput')",
  ),
  sql(
    forms,
    "a subscription",
    "refused",
    "create subscription mine connection '' publication mine with (connect = false)",
  ),
  sql(forms, "a publication, to replicate from", "refused", "create publication mine for table notes"),
];

const keys: Attack[] = [
  sql(oracles, "deleting everything", "nothing", "delete from notes"),
  sql(oracles, "updating everything", "nothing", "update notes set title = 'mine ' || id"),
  sql(
    oracles,
    "a row for the neighbour",
    { shared: "refused" },
    (a) => `insert into notes (id, title, tenantry_environment) values (77, 'planted', ${toNeighbour(a)})`,
  ),
  sql(
    oracles,
    "a row passed on to the neighbour",
    { shared: "refused" },
    (a) => `update notes set tenantry_environment = ${toNeighbour(a)}`,
  ),
  sql(
    oracles,
    "a row taken from the neighbour",
    { shared: "nothing" },
    (a) =>
      `update notes set tenantry_environment = '${a.own}' where tenantry_environment = ${toNeighbour(a)}`,
  ),
  sql(
    oracles,
    "ON CONFLICT against the neighbour's key",
    "nothing",
    "insert into notes (id, title) values (2, 'NEIGHBOUR''s title') on conflict do nothing returning id",
  ),
  sql(
    oracles,
    "MERGE over the neighbour's rows",
    "nothing",
    "merge into notes n using (values (2)) v (id) on n.id = v.id when matched then update set title = 'mine' when not matched then insert (id, title) values (2, 'new')",
  ),
  sql(
    oracles,
    "a foreign key to the neighbour's row",
    "refused",
    "insert into tags (note_id, tag) values (2, 'is it there?')",
  ),
  sql(
    oracles,
    "a foreign key to nobody's row answers alike",
    "refused",
    "insert into tags (note_id, tag) values (999, 'is it there?')",
  ),
  sql(
    oracles,
    "a unique value that the neighbour has",
    "nothing",
    "insert into notes (id, title) values (2, 'NEIGHBOUR''s note')",
    "delete from notes where id = 2",
  ),
  sql(oracles, "the neighbour's row as the target of a cascade", "nothing", "delete from notes where id = 2"),
  sql(oracles, "locking the neighbour's rows", "nothing", "select * from notes for update"),
];

export const rowAttacks: Attack[] = [
  ...reading,
  ...planningAttacks,
  ...telling,
  ...hijack,
  ...passages,
  ...changing,
  ...keys,
  sql(oracles, "its own rows again, at the end", "nothing", readAll),
];
