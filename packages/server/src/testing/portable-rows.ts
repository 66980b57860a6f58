/** Rows for `portable-rows.sql` whose values are easily lost on the way. */
export const portableRows: readonly string[] = [
  "insert into people (name, share) values ('Ada', 10), ('Bob', null)",
  "update people set boss_id = 3 where name = 'Ada'",
  "update people set boss_id = 2 where name = 'Bob'",
  "insert into teams (lead_id) values (2), (3)",
  "insert into members (crew_id) values (1), (2)",
  "update teams set best_id = 2 where id = 1",
  "delete from members where id = 1",
  "insert into a_table_whose_name_is_so_long_that_its_sequence_gets_less default values",
  `insert into "Odd ""names""" values ('00000000-0000-4000-8000-000000000001', E'tab\\t nl\\n cr\\r bs\\\\ \\\\N \\\\. b\\b f\\f quote''"', '{fine,NULL,"Not \\"so\\" fine"}')`,
  `insert into "Odd ""names""" values ('00000000-0000-4000-8000-000000000002', '', '{}'), ('00000000-0000-4000-8000-000000000003', null, null)`,
  `insert into everything values (1, true, -32768, 9223372036854775807, -9999999999.99, 123456789012345, -1.5, 0.1,
    E'\\u00e9\\U0001F600', '\\x00ff5c4e0a09', '0001-01-01', '9999-12-31 23:59:59.999999+00', '2025-05-05 01:02:03.004',
    '23:59:59.000001', ' {"a" : 1, "a":1.10}  ', '{"b": [1, "\\u2028", 12345678901234567890, 1.10], "aa": {}}',
    '00000000-0000-4000-8000-000000000009', 'Not "so" fine', 'down', array['x', null, '', 'NULL', 'a"b', 'c\\d', 'e,f', ' '],
    '{}', '{1.50,-0.01,NULL}', '{"2025-05-05 01:02:03.5+02"}', '{abcd}', array['{"n": 1.0}', '[1]']::jsonb[], '{t,f,NULL}',
    '{0.1,1e300,-0}')`,
  `insert into everything (id, real, double, exact) values (2, 1e-7, 1e-7, 0.5), (3, 3e38, 1.7976931348623157e308, 12),
    (4, 1000000, '123456789012345680000', 100), (5, 123456, 5e-324, 0), (6, 1.1, 1e15, -0.01), (7, -0.0001, 999999999999999, null)`,
];

/** What a copy has to answer as the origin does, its next numbers among it. */
export const portableQuestions: readonly string[] = [
  "select id, name, boss_id, share, loud from people order by id",
  `select id, flag, small, large, exact, whole, real, double, text, bytes, day, moment, local, clock, doc, docb, id2,
    feeling, way, words, moods, amounts, moments, codes, docs, flags, doubles from everything order by id`,
  `select "the key", "select", "Ü" from "Odd ""names""" order by 1`,
  "insert into people (name) values ('Next') returning id, loud",
  "insert into teams (lead_id) values (1) returning id",
  "insert into members (crew_id) values (1) returning id",
  "insert into a_table_whose_name_is_so_long_that_its_sequence_gets_less default values returning a_column_with_a_long_name_too",
  "insert into teams (lead_id) values (999)",
  "insert into people (name) values ('Ada')",
  "insert into people (name, share) values ('Eve', 101)",
  "delete from people where name = 'Ada'",
  "insert into everything (id, flag) values (1, false)",
];
