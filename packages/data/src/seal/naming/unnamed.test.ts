import { expect, test } from "vitest";
import type { Columns } from "./count.ts";
import { unnamedIn } from "./unnamed.ts";

const tables: { [name: string]: Columns } = {
  draft: { names: ["id", "title", "note"], hiddenLast: true },
  archive: { names: ["id", "title", "note", "by"], hiddenLast: false },
  '"Mixed Case"': { names: ["a", "B"], hiddenLast: true },
  "shop.items": { names: ["id"], hiddenLast: true },
};

const named = (text: string): string | undefined =>
  unnamedIn(text)?.named((table) => tables[table.toLowerCase()] ?? tables[table]);

const draft = 'draft."id", draft."title", draft."note"';

test.each([
  [
    "insert into draft values (1, f('a', 2), array[1, 2])",
    `insert into draft ("id", "title", "note") values (1, f('a', 2), array[1, 2])`,
  ],
  [
    "INSERT INTO archive AS a VALUES ($1, $2), ($3, DEFAULT) ON CONFLICT DO NOTHING RETURNING *",
    'INSERT INTO archive AS a ("id", "title") VALUES ($1, $2), ($3, DEFAULT) ON CONFLICT DO NOTHING RETURNING *',
  ],
  ["insert into draft values (1, 2, 3, 4)", 'insert into draft ("id", "title", "note") values (1, 2, 3, 4)'],
  [
    "insert into archive select * from draft where id > 1",
    `insert into archive ("id", "title", "note") select ${draft} from draft where id > 1`,
  ],
  [
    "insert into archive (id, title, note) select d.* from draft d",
    'insert into archive (id, title, note) select d."id", d."title", d."note" from draft d',
  ],
  [
    "insert into archive select d.*, now() from draft as d join x on (d.id = x.id)",
    'insert into archive ("id", "title", "note", "by") select d."id", d."title", d."note", now() from draft as d join x on (d.id = x.id)',
  ],
  [
    "insert into archive table draft",
    `insert into archive ("id", "title", "note") select ${draft} from draft`,
  ],
  [
    'insert into "Mixed Case" select distinct on (id) id, title from draft',
    'insert into "Mixed Case" ("a", "B") select distinct on (id) id, title from draft',
  ],
  [
    "with gone as (delete from draft where id = 1 returning *) insert into archive select * from gone returning *",
    `with gone as (delete from draft where id = 1 returning ${draft}) insert into archive ("id", "title", "note") select * from gone returning *`,
  ],
  [
    "with gone as (update draft d set id = 1 returning d.*) insert into draft select * from gone",
    'with gone as (update draft d set id = 1 returning d."id", d."title", d."note") insert into draft ("id", "title", "note") select * from gone',
  ],
  [
    "select * from draft union select id, title, note from archive",
    `select ${draft} from draft union select id, title, note from archive`,
  ],
  [
    "select count(*), 2 * 3 from draft union select * from shop.items, unknown u",
    'select count(*), 2 * 3 from draft union select items."id", u.* from shop.items, unknown u',
  ],
  [
    "select * from (select public.draft.* from draft left join archive a on true where a.id is null) q union all values (1, 'x', 'y')",
    `select * from (select ${draft} from draft left join archive a on true where a.id is null) q union all values (1, 'x', 'y')`,
  ],
])("%s names its columns", (text, expected) => {
  expect(named(text)).toBe(expected);
});

test.each([
  "insert into draft (id) values (1) returning *",
  "insert into draft default values",
  "insert into draft (id) values (1) on conflict (id) do update set note = excluded.note returning draft.*",
  "select * from draft",
  "select * from (select * from draft) q",
  "insert into draft (id) select count(*) from archive",
  "select 'insert into draft values (1) union select *'",
])("%s needs no names", (text) => {
  expect(unnamedIn(text)).toBeUndefined();
});

test("what isn't followed is left as it is", () => {
  for (const text of [
    "select * from draft natural join archive union select 1, 2, 3, 4",
    "insert into nowhere values (1)",
    "select * from (draft join archive using (id)) union select 1",
    "select d.* from draft d (a, b, c) union select 1, 2, 3",
    "select * from unknown union table other",
    "with recursive t as (select * from t) insert into draft select * from t",
  ])
    expect(named(text) ?? text).toBe(text);
});
