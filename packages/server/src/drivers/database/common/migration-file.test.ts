import { expect, test } from "vitest";
import { schemaOf } from "../driver.testsuite.ts";
import { errorOffset, migrationFailed, readMigration } from "./migration-file.ts";

const fileOf = (sql: string) => schemaOf("0198c0de-0000-7000-8000-000000000001", sql).migrations[0]!;
const read = (sql: string) => readMigration(fileOf(sql));

test("a transaction around the whole file is ours already", () => {
  const { statements, transactional } = read("-- made by hand\nBEGIN;\nselect 1;\nselect 2;\nCOMMIT;\n");
  expect(statements.map(({ text }) => text)).toEqual(["select 1", "select 2"]);
  expect(transactional).toBe(true);
});

test("a file may ask to run without a transaction, on a line of its own", () => {
  expect(read("-- tenantry: no-transaction\nvacuum;\ncommit;").transactional).toBe(false);
  expect(read("select '-- tenantry: no-transaction'").transactional).toBe(true);
});

test.each([
  ["select 1;\n  COMMIT;\nselect 2", "COMMIT would end the transaction that the file runs in", 2, 3],
  ["rollback", "ROLLBACK would end the transaction that the file runs in", 1, 1],
  ["begin; select 1", "BEGIN would end the transaction that the file runs in", 1, 1],
  ["prepare transaction 'x'", "PREPARE would end the transaction that the file runs in", 1, 1],
  ["select 1;\n\\c other", "commands of psql that begin with a backslash aren't SQL", 2, 1],
  ["copy t from stdin;\n1\n", "there are no rows for COPY that could be read", 1, 1],
  ["copy t from stdin with (format csv);\n1\n\\.", "there are no rows for COPY that could be read", 1, 1],
  ["copy t from stdin;\na\\x41\n\\.", "there are no rows for COPY that could be read", 1, 1],
])("%j is refused before anything runs", (sql, reason, line, column) => {
  expect(() => read(sql)).toThrow(
    expect.objectContaining({
      code: "migration_failed",
      message: `0001.sql, line ${line}, column ${column}: ${reason}.`,
    }),
  );
});

test("rows after COPY become statements that stand where the first of their rows does", () => {
  const sql = `select 1;
COPY public."T" (a, "b;") FROM stdin;
1\tit's; \\N
\\N\ttab\\there\\\\
\\.
COPY empty (a) FROM stdin;
\\.
select 2`;
  const { statements } = read(sql);
  expect(statements.map(({ text }) => text)).toEqual([
    "select 1",
    `insert into public."T" (a, "b;") overriding system value values ('1', 'it''s; N'), (null, E'tab\there\\\\'::text)`.replace(
      "E'tab\there\\\\'::text",
      " E'tab\there\\\\'",
    ),
    "select 2",
  ]);
  const failed = migrationFailed(fileOf(sql), errorOffset(statements[1]!, "60"), "no");
  expect(failed.details.extra).toEqual({ file: "0001.sql", line: 3, column: 1 });
});

test("many rows become several statements, each with its own line", () => {
  const rows = Array.from({ length: 120 }, (_, index) => `${index}\n`).join("");
  const { statements } = read(`copy t from stdin;\n${rows}\\.\nselect 1`);
  const lines = statements.map(
    ({ offset }) =>
      migrationFailed(fileOf(`copy t from stdin;\n${rows}\\.\nselect 1`), offset, "").details.extra,
  );
  expect(lines.map((extra) => (extra as { line: number }).line)).toEqual([2, 52, 102, 123]);
});

test("what dumps say for psql, and whose things are, is left out", () => {
  const sql = `\\restrict abc
alter table public."A b" owner to "some one";
alter function f(int) owner to forum;
alter table a add column owner int;
\\unrestrict abc
`;
  expect(read(sql).statements.map(({ text }) => text)).toEqual(["alter table a add column owner int"]);
});

test("going back to a savepoint is allowed", () => {
  expect(read("savepoint a; rollback to a; rollback work to savepoint a").statements).toHaveLength(3);
});

test("line and column count characters as people see them", () => {
  const sql = "select '😀é';\nselect '😀', wrong;";
  const [, statement] = read(sql).statements;
  const offset = errorOffset(statement!, "13");
  expect(migrationFailed(fileOf(sql), offset, "no").details.extra).toEqual({
    file: "0001.sql",
    line: 2,
    column: 13,
  });
});
