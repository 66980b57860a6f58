/** What the application's way to a file must make of a statement of a tenant's. A limit is told in the documentation. */
export type FileAttack = {
  group: string;
  title: string;
  text: string;
  values?: readonly unknown[];
  /** SQLSTATEs, one of which it is refused with; or `nothing`: it runs, and is of no use. */
  outcome: readonly string[] | "nothing";
};

const unparsed = ["42601"];
const unknownTable = ["42P01"];
const unsupported = ["0A000"];
const definition = ["42501"];

const list = (
  group: string,
  ...attacks: [title: string, text: string, outcome: FileAttack["outcome"], values?: readonly unknown[]][]
): FileAttack[] =>
  attacks.map(([title, text, outcome, values]) => ({
    group,
    title,
    text,
    outcome,
    ...(values && { values }),
  }));

const endless = "with recursive c (n) as (select 1 union all select n + 1 from c)";
const nested = (open: string, close: string, times: number): string =>
  open.repeat(times) + close.repeat(times);

/** All that a tenant with any SQL it likes may try at the level `sqlite`. */
export const fileAttacks: readonly FileAttack[] = [
  ...list(
    "Reaching another file",
    ["ATTACH", "attach database 'neighbour.db' as other", unparsed],
    ["ATTACH behind another statement", "select 1; attach 'neighbour.db' as other", unparsed],
    ["ATTACH behind a comment that ends", "select 1 /* */ ; attach 'neighbour.db' as other --", unparsed],
    ["a table of an attached file", "select * from other.notes", unsupported],
    ["a table of SQLite's main file by its name", "select * from main.notes", unsupported],
    ["VACUUM INTO", "vacuum into 'copy.db'", unparsed],
    ["VACUUM", "vacuum", definition],
    ["load_extension()", "select load_extension('/tmp/evil.so')", unsupported],
    ["load_extension() under a quoted name", `select "load_extension"('/tmp/evil.so')`, unsupported],
    ["readfile() and writefile()", "select writefile('left-behind', readfile('neighbour.db'))", unsupported],
    ["edit()", "select edit('x', 'sh')", unsupported],
    ["fts3_tokenizer()", "select fts3_tokenizer('simple', 'x')", unsupported],
    ["pg_read_file()", "select pg_read_file('neighbour.db')", unsupported],
    ["COPY to a file", "copy notes to '/tmp/left-behind'", unsupported],
    ["COPY to a program", "copy notes to program 'sh'", unsupported],
    ["a virtual table over files", "create virtual table v using csv(filename = 'neighbour.db')", unparsed],
    ["a large object", "select lo_import('/etc/passwd')", unsupported],
  ),
  ...list(
    "Changing the engine",
    ["PRAGMA", "pragma writable_schema = on", unparsed],
    ["PRAGMA as a function", "select * from pragma_database_list", unknownTable],
    ["PRAGMA as a function with an argument", "select * from pragma_journal_mode('delete')", unsupported],
    ["a setting", "set writable_schema = on", unsupported],
    ["another role", "set role postgres", unsupported],
    ["RESET ALL", "reset all", unsupported],
    ["the schema's own table", "select sql from sqlite_master", unknownTable],
    ["writing the schema's own table", "update sqlite_schema set sql = 'x'", unknownTable],
    ["the counters' table", "update sqlite_sequence set seq = 0", unknownTable],
    ["Tenantry's note of the schema", "update tenantry_schema set model = '{}'", unknownTable],
    ["pages of the file", "select * from sqlite_dbpage", unknownTable],
    ["sizes of tables", "select * from dbstat", unknownTable],
    ["prepared statements", "select * from sqlite_stmt", unknownTable],
    [
      "functions of SQLite's that aren't PostgreSQL's",
      "select sqlite_version(), randomblob(8), zeroblob(8)",
      unsupported,
    ],
    ["a table function of SQLite's", "select * from json_each('[1]')", unsupported],
    ["a row's number", "select _rowid_ from notes", ["42703"]],
    ["ANALYZE", "analyze", definition],
    ["REINDEX", "reindex table notes", definition],
  ),
  ...list(
    "Changing the schema",
    ["a table", "create table left_behind (a int)", definition],
    ["a temporary table", "create temp table left_behind (a int)", definition],
    ["a table from a query", "create table left_behind as select * from notes", definition],
    ["SELECT INTO", "select * into left_behind from notes", unsupported],
    ["a trigger", "create trigger t before insert on notes execute function f()", definition],
    ["a view over the schema", "create view v as select * from sqlite_master", definition],
    ["DROP", "drop table notes", definition],
    ["ALTER", "alter table notes add column x int", definition],
    ["TRUNCATE", "truncate notes", unsupported],
    ["DO", "do $$ begin end $$", unsupported],
  ),
  ...list(
    "Leaving the statement",
    ["BEGIN left open", "begin", ["invalid_request"]],
    ["a quote within a string", "select 'a''; attach ''x'' as y; --' as text", "nothing"],
    [
      "a backslash before a quote",
      "select 'a\\' as text, E'b\\'; attach ''x'' as y; --' as other",
      "nothing",
    ],
    ["a string between dollars", "select $x$'; attach 'neighbour.db' as other; --$x$ as text", "nothing"],
    ["a string of escapes", "select U&'\\0027; attach database' as text", "nothing"],
    ["a quote within an output's name", `select 1 as "a"" from sqlite_master; --"`, "nothing"],
    ["a quote within a table's name", `select * from "notes"" , sqlite_master; --"`, unknownTable],
    ["a quote within an alias", `select "x""y".body from notes as "x""y"`, "nothing"],
    ["a quote within a path of JSON", `select '{}'::jsonb #> '{a"b}' as found`, unsupported],
    [
      "a path of SQLite's within a key of JSON",
      "select '{\"$.a\": 1}'::jsonb -> $1::text as found",
      "nothing",
      ["$') from sqlite_master; --"],
    ],
    [
      "a value that is SQL",
      "select body from notes where body = $1",
      "nothing",
      ["' union select sql from sqlite_master --"],
    ],
    ["a value that ends a text", "select $1::text as text", ["22021"], ["a\0b"]],
    ["a text that ends early", "select 1\0; attach 'x' as y", ["22021"]],
    ["a collation that is SQL", `select body from notes order by body collate "binary; attach"`, unsupported],
    [
      "an escape character that is SQL",
      "select body from notes where body like 'a' escape ''' or 1=1'",
      unsupported,
    ],
  ),
  ...list(
    "Taking all",
    ["time, without end", `${endless} select count(*) from c`, ["57014"]],
    [
      "time, in a product of tables",
      `with c as (select n from generate_series(1, 5000) n) select count(*) from c a, c b, c d`,
      ["57014"],
    ],
    ["time, in a pattern", "select repeat('a', 1000000) like '%a%a%a%a%b'", unsupported],
    [
      "memory, in one value",
      `${endless}, d (v) as (select string_agg('aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', ',') from (select n from c limit 20000000) e) select length(v) from d`,
      ["53200", "54000", "57014"],
    ],
    [
      "memory, by doubling",
      "select replace(replace(replace(replace($1::text, 'a', $1::text), 'a', $1::text), 'a', $1::text), 'a', $1::text) as text",
      ["53200", "54000", "57014"],
      ["a".repeat(3_000)],
    ],
    [
      "memory, by sorting",
      `${endless} select n from (select n, gen_random_uuid() as k from c limit 50000000) d order by k limit 1`,
      ["53200", "57014"],
    ],
    [
      "memory of whoever asks",
      `${endless} select n, 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa' as a from c`,
      ["54000", "57014"],
    ],
    ["a function that makes large values", "select lpad('a', 1000000000)", unsupported],
    ["the parser's memory", `select ${nested("(", ")", 20_000)}`, ["42601", "54001"]],
    ["the stack", `select 1 ${"+ 1 ".repeat(20_000)}`, ["54000", "54001"]],
    [
      "more outputs than SQLite counts",
      `select ${Array.from({ length: 40_000 }, () => "1").join(",")}`,
      ["54000"],
    ],
    ["a text without end", `select '${"a".repeat(2_000_000)}'`, ["54000"]],
  ),
];
