import { type Attack, type Attacker, sql } from "./attack.ts";

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
    { own: "refused", given: "nothing" },
    "do $$ declare r record; begin for r in select * from notes loop raise exception '%', r; end loop; exception when others then raise warning '%', sqlerrm; end $$",
  ),
  sql(
    leaks,
    "rows as XML, by functions that run any query",
    "nothing",
    "select query_to_xml('select * from notes', true, true, ''), table_to_xml('notes', true, true, ''), schema_to_xml('public', true, true, '')",
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
    "nothing",
    (a) => `select * from notes where tenantry_environment = ${toNeighbour(a)}`,
  ),
];

const hijack: Attack[] = [
  sql(names, "a temporary table in the place of a table", "refused", "create temporary table notes (id int)"),
  sql(
    names,
    "a function in public that shadows one of the seal's",
    "refused",
    "create function public.translate(text, text, text) returns text language sql as 'select null::text'",
  ),
  sql(names, "a schema of its own", "refused", "create schema mine"),
  sql(
    names,
    "an operator of its own",
    "refused",
    "create operator public.= (leftarg = uuid, rightarg = uuid, function = uuid_eq)",
  ),
  sql(names, "another search path", "refused", "set search_path = 'tenantry'", "select * from secret"),
  sql(
    names,
    "other functions in the place of the seal's",
    "refused",
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
    { own: "refused", given: "nothing" },
    "select find_notes($x$false union all select set_config('row_security', 'off', false) union all select title from notes$x$)",
  ),
  sql(doors, "the secret, the ledger, passwords", "refused", "select * from tenantry.secret"),
  sql(doors, "pg_authid", "refused", "select * from pg_authid"),
  sql(doors, "another database", "refused", "create extension dblink"),
  sql(doors, "a foreign server", "refused", "create foreign data wrapper mine"),
  sql(doors, "files of the server", "refused", "select pg_read_file('postgresql.conf')"),
  sql(doors, "raw pages of the table", "refused", "create extension pageinspect"),
];

const changing: Attack[] = [
  sql(forms, "switching row-level security off", "refused", "alter table notes disable row level security"),
  sql(forms, "no longer forcing it", "refused", "alter table notes no force row level security"),
  sql(forms, "dropping the policy", "refused", "drop policy tenantry on notes"),
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
  sql(forms, "a publication, to replicate from", "refused", "create publication mine for table notes"),
];

const keys: Attack[] = [
  sql(oracles, "deleting everything", "nothing", "delete from notes"),
  sql(oracles, "updating everything", "nothing", "update notes set title = 'mine ' || id"),
  sql(
    oracles,
    "a row for the neighbour",
    "refused",
    (a) => `insert into notes (id, title, tenantry_environment) values (77, 'planted', ${toNeighbour(a)})`,
  ),
  sql(
    oracles,
    "a row passed on to the neighbour",
    "refused",
    (a) => `update notes set tenantry_environment = ${toNeighbour(a)}`,
  ),
  sql(
    oracles,
    "a row taken from the neighbour",
    "nothing",
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
  ...hijack,
  ...passages,
  ...changing,
  ...keys,
  sql(oracles, "its own rows again, at the end", "nothing", readAll),
];
