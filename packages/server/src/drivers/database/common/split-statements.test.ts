import fc from "fast-check";
import { expect, test } from "vitest";
import { firstWords, splitStatements } from "./split-statements.ts";

const split = (text: string) => splitStatements(text).map((statement) => statement.text);

test.each<[string, string, string[]]>([
  ["semicolons", "select 1; select 2;", ["select 1", "select 2"]],
  ["a last one without a semicolon", "select 1;\nselect 2\n", ["select 1", "select 2"]],
  ["nothing but comments", "-- one;\n/* two; /* nested; */ */ ;", []],
  ["comments inside a statement", "select 1 -- a;\n, 2 /* ; */;", ["select 1 -- a;\n, 2 /* ; */"]],
  ["a comment that a lone carriage return ends", "-- a\rselect 1; select 2", ["select 1", "select 2"]],
  ["strings", "select 'a;''b'; select E'c\\';d'", ["select 'a;''b'", "select E'c\\';d'"]],
  ["quoted names", 'select 1 as "a;""b"; select 2', ['select 1 as "a;""b"', "select 2"]],
  ["dollar quotes", "do $$ begin; end $$; select $a$ $$; $a$", ["do $$ begin; end $$", "select $a$ $$; $a$"]],
  ["parameters that look like dollar quotes", "select $1; select $2", ["select $1", "select $2"]],
  ["names with dollars", "select a$b$; select c$b$", ["select a$b$", "select c$b$"]],
  [
    "rules with several actions",
    "create rule r as on insert to t do (select 1; select 2); select 3",
    ["create rule r as on insert to t do (select 1; select 2)", "select 3"],
  ],
  [
    "functions with an atomic body",
    "create or replace function f() returns int begin atomic select case when true then 1 end; select 2; end; select 3",
    [
      "create or replace function f() returns int begin atomic select case when true then 1 end; select 2; end",
      "select 3",
    ],
  ],
  ["transactions", "begin; select 1; commit", ["begin", "select 1", "commit"]],
  ["an unfinished string", "select 'a; select 2", ["select 'a; select 2"]],
])("splits %s", (_what, text, statements) => {
  expect(split(text)).toEqual(statements);
});

test("each statement stands in the file where it says", () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(..."a'\"$;-/*()\n ".split(""), "begin", "é") }), (text) => {
      for (const { text: statement, offset } of splitStatements(text)) {
        expect(text.slice(offset, offset + statement.length)).toBe(statement);
        expect(statement).not.toBe("");
      }
    }),
  );
});

test("nothing but separators lies between statements", () => {
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom("select 1", "select ';'", "do $$;$$", "-- c;\n", "/* ; */")),
      (parts) => {
        const expected = parts.filter((part) => !part.startsWith("-") && !part.startsWith("/"));
        const text = parts.map((part) => (part.startsWith("-") ? part : `${part};`)).join(" ");
        expect(split(text)).toEqual(expected);
      },
    ),
  );
});

test("the first words tell what a statement is, comments aside", () => {
  const [statement] = splitStatements("/* x */ CREATE /* y */ TABLE Foo (id int)");
  expect(firstWords(statement!, 3)).toEqual(["create", "table", "foo"]);
});
