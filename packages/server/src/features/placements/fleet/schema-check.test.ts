import { afterAll, beforeAll, expect, test } from "vitest";
import { schemaOf } from "../../../drivers/database/driver.testsuite.ts";
import { sql } from "../../../infra/db/index.ts";
import { newId, showId } from "../../../kernel/index.ts";
import { type TestPlacements, testPlacements } from "../../../testing/placements.ts";
import { proofNames, schemaText } from "../../../testing/proofs/index.ts";
import { findingsOf, findSchemaCheck, startSchemaCheck } from "./schema-check.ts";

let house: TestPlacements;
beforeAll(async () => {
  house = await testPlacements();
});
afterAll(() => house.close());

async function check(...files: string[]) {
  const { migrations } = schemaOf(newId(), ...files);
  const id = await house.start(house.placements.workflows.checkSchema, { migrations });
  const status = await house.ended(id);
  return { id, status, findings: await findingsOf(house.db, id) };
}

async function leavesNothing(operationId: string): Promise<void> {
  expect(await house.placements.scanForLeftovers(house.db)).toEqual([]);
  const { rows } = await sql`
    select from resources where operation_id = ${operationId}
    union all select from operations where id = ${operationId} and input->'migrations' <> '[]'`.execute(
    house.db,
  );
  expect(rows).toEqual([]);
}

test("what a level can't hold is told by file and line, and nothing of the trial is left", async () => {
  const { id, status, findings } = await check(
    "create table a (id int primary key);",
    `-- totals\ncreate materialized view totals as select count(*) from a;

create schema shop;
create table b (a_id int
  references a on update set null);`,
  );
  expect(status).toBe("succeeded");
  const told = findings.map(({ level, severity, object, file, line }) => [
    level,
    severity,
    object,
    file,
    line,
  ]);
  expect(told.sort()).toEqual([
    ["schema", "refused", "schema shop", "0002.sql", 4],
    ["shared", "refused", 'constraint b_a_id_fkey of "b"', "0002.sql", 5],
    ["shared", "refused", 'materialized view "totals"', "0002.sql", 2],
    ["sqlite", "refused", "statement", "0002.sql", 2],
    ["sqlite", "refused", "statement", "0002.sql", 4],
  ]);
  expect(findings.every(({ problem, remedy }) => problem !== "" && remedy !== "")).toBe(true);
  await leavesNothing(id);
});

test("a check is found again by its id and the same files, and by nothing else", async () => {
  const text = "create table a (id int primary key);";
  const inputOf = (...files: string[]) => ({ migrations: [...schemaOf(newId(), ...files).migrations] });
  const { checkSchema } = house.placements.workflows;
  const id = await startSchemaCheck(house.db, checkSchema, inputOf(text), "operator");
  const find = (operationId: string, ...files: string[]) =>
    findSchemaCheck(house.db, operationId, inputOf(...files), "/check");
  expect(await find(showId("op", id), text)).toBe(id);
  await expect(find(showId("op", id), `${text} select 1;`)).rejects.toMatchObject({
    code: "invalid_request",
  });
  expect(await find(showId("op", newId()), text)).toBeUndefined();
  expect(await find("nonsense", text)).toBeUndefined();
});

test("an application that works everywhere gets no finding", async () => {
  const { id, findings } = await check(
    "create table a (id uuid primary key, name text not null unique, at timestamptz not null default now());",
  );
  expect(findings).toEqual([]);
  await leavesNothing(id);
});

/** What a check tells of PostgreSQL's levels, in the words of the table below. */
const toldOf = async (...files: string[]) =>
  (await check(...files)).findings
    .filter(({ level }) => level !== "sqlite")
    .map(({ level, severity, object, file, line }) => `${file}:${line} ${level} ${severity} ${object}`)
    .sort();

const bothRefuse = (line: number, object: string) => [
  `${line} schema refused ${object}`,
  `${line} shared refused ${object}`,
];

/** One of each kind, as a file of its own after one with a table `a`. */
const kinds: [string, string[]][] = [
  ["create materialized view kept as\n select 1", ['1 shared refused materialized view "kept"']],
  [
    "create view by_key as select id, b from a group by grouping sets ((id), (id, c))",
    ['1 shared refused view "by_key"'],
  ],
  [
    "create function keys() returns setof int language sql begin atomic\n select b from a group by grouping sets ((id), (id, c)); end",
    ['1 shared refused function "keys"()'],
  ],
  [
    "-- whole\ncreate function rows() returns setof a language sql begin atomic select * from a; end",
    ['2 shared refused function "rows"()'],
  ],
  [
    "create sequence n;\ncreate function last() returns bigint language sql as 'select currval(''n'')'",
    ['1 shared differs sequence "n"', '2 shared refused function "last"()'],
  ],
  [
    "create function whole() returns json language sql as 'select row_to_json(a) from a'",
    ['1 shared differs function "whole"()'],
  ],
  ["create table c (id int);\ncreate index hashed on c using hash (id)", ['2 shared differs index "hashed"']],
  [
    "create table d (id int, b int);\ncreate index on d using btree (id);\n\ncreate index on public.d using hash (b)",
    ['4 shared differs index "d_b_idx"'],
  ],
  ["create table child () inherits (a)", ['1 shared refused table "child"']],
  [
    "create table b (a_id int\n references a on update set null)",
    ['1 shared refused constraint b_a_id_fkey of "b"'],
  ],
  [
    "create table pairs (x int, y int, primary key (x, y));\ncreate table p (x int, y int, constraint all_or_none\n foreign key (x, y) references pairs match full)",
    ['2 shared differs constraint all_or_none of "p"'],
  ],
  [
    "create table boxes (c box,\n constraint apart exclude using spgist (c with &&))",
    ['2 shared refused constraint apart of "boxes"'],
  ],
  [
    "create table egg (id int primary key, hen int);\ncreate table hen (id int primary key, egg int references egg);\nalter table egg add foreign key (hen) references hen;\ninsert into egg values (1, null); insert into hen values (1, 1); update egg set hen = 1",
    ['1 shared refused rows of "egg"'],
  ],
  [
    "create function fire() returns trigger language plpgsql as 'begin return new; end';\ncreate table fired (id int primary key);\ncreate trigger t after insert on fired for each row execute function fire();\ninsert into fired values (1)",
    ["2 shared differs rows of fired"],
  ],
  [
    "alter table a enable row level security;\ncreate policy readers on a to pg_monitor using (true)",
    ['2 schema refused policy readers of "a"', '2 shared refused policy readers of "a"'],
  ],
  ["create schema shop", ["1 schema refused schema shop"]],
  [
    "create function put() returns void language plpgsql as $$ begin\n execute 'select public.a'; end $$",
    ['1 schema differs function "put"()'],
  ],
  ["create aggregate total (int) (sfunc = int4pl, stype = int)", bothRefuse(1, "aggregate total")],
  ["create operator === (leftarg = int, rightarg = int, function = int4eq)", bothRefuse(1, "operator ===")],
  ["\n\ncreate collation mine (locale = 'C')", bothRefuse(3, "collation mine")],
  [
    "create conversion other for 'LATIN1' to 'UTF8' from iso8859_1_to_utf8",
    bothRefuse(1, "conversion other"),
  ],
  ["create rule silent as on insert to a do instead nothing", bothRefuse(1, "rule silent")],
  [
    "create text search configuration words (copy = simple)",
    bothRefuse(1, "text search configuration words"),
  ],
  ["create text search dictionary book (template = simple)", bothRefuse(1, "text search dictionary book")],
  ["create type form as (x int);\ncreate table typed of form", bothRefuse(2, "table of a type typed")],
];

test("each kind of finding names file and line, at both levels where it counts for both", async () => {
  const files = ["create table a (id int primary key, b int, c text)", ...kinds.map(([sql]) => `${sql};`)];
  const expected = kinds.flatMap(([, told], index) =>
    told.map((words) => `${String(index + 2).padStart(4, "0")}.sql:${words}`),
  );
  expect(await toldOf(...files)).toEqual(expected.sort());
});

test("findings come level by level in the order of the files", async () => {
  const { findings } = await check(
    "create table a (id int);\ncreate rule silent as on insert to a do instead nothing;",
    "create schema shop;\ncreate aggregate total (int) (sfunc = int4pl, stype = int);",
  );
  const places = findings
    .filter(({ level }) => level === "schema")
    .map(({ file, line }) => `${file}:${line}`);
  expect(places).toEqual(["0001.sql:2", "0002.sql:1", "0002.sql:2"]);
});

test("schemas of six styles get the findings that are written down here, and no others", async () => {
  const found: Record<string, string[]> = {};
  for (const name of proofNames) found[name] = await toldOf(await schemaText(name));
  expect(found).toEqual({
    rental: [
      '0001.sql:11 shared differs sequence "invoice_number"',
      "0001.sql:48 shared differs rows of bookings",
      '0001.sql:60 shared differs constraint bookings_room of "bookings"',
      '0001.sql:94 shared refused materialized view "popular_rooms"',
    ],
    quoted: [],
    dumped: ['0001.sql:90 shared differs index "index_issues_on_title_trigram"'],
    library: [
      '0001.sql:48 shared differs index "library_author_name_trgm"',
      '0001.sql:55 shared differs index "library_book_published_brin"',
      '0001.sql:56 shared differs index "library_book_kind_hash"',
    ],
    structure: [
      '0001.sql:52 shared differs function "bump_counters"()',
      '0001.sql:82 shared differs function "audit"()',
    ],
    market: [
      '0001.sql:47 shared refused materialized view "top_product"',
      '0001.sql:70 shared differs function "products_of"(seller uuid)',
      '0001.sql:9 shared differs sequence "invoice_numbers"',
    ],
  });
});

test("migrations that fail fail the check, and leave nothing", async () => {
  const { id, status } = await check("create tabel a (id int);");
  expect(status).toBe("failed");
  const { rows } = await sql<{ code: string }>`
    select error->>'code' as code from operations where id = ${id}`.execute(house.db);
  expect(rows).toEqual([{ code: "migration_failed" }]);
  await leavesNothing(id);
});
