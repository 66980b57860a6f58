import { describe, expect, it } from "vitest";
import { sharedStatement } from "./statements.ts";

describe("a statement at the level shared", () => {
  it.each([
    [
      "insert into a (b) values (1) on conflict (b) do nothing",
      "insert into a (b) values (1) on conflict (tenantry_environment, b) do nothing",
    ],
    [
      'INSERT INTO "a" VALUES ($1) ON CONFLICT ("b", lower(c)) WHERE d DO UPDATE SET e = 1',
      'INSERT INTO "a" VALUES ($1) ON CONFLICT (tenantry_environment, "b", lower(c)) WHERE d DO UPDATE SET e = 1',
    ],
    [
      "with x as (insert into a values (1) on /* so */ conflict\n( b ) do nothing) insert into c values (1) on conflict (d) do nothing",
      "with x as (insert into a values (1) on /* so */ conflict\n(tenantry_environment,  b ) do nothing) insert into c values (1) on conflict (tenantry_environment, d) do nothing",
    ],
  ])("names the whole key: %s", (text, expected) => {
    expect(sharedStatement(text)).toBe(expected);
    expect(sharedStatement(text)).toBe(expected);
  });

  it.each([
    "select 'on conflict (b) do nothing'",
    "select E'it\\'s on conflict (b) do nothing'",
    "select $x$ on conflict (b) do nothing $x$",
    "select 1 -- on conflict (b) do nothing\n",
    "select 1 /* /* nested */ on conflict (b) do nothing */",
    'select "on conflict (b) do"',
    "insert into a values (1) on conflict do nothing",
    "insert into a values (1) on conflict on constraint a_pkey do nothing",
    "select * from a join b on conflict (a.c) order by 1",
    "((select 1))",
    "  /* first */ -- second\n with x as (select 1) table x",
  ])("stays as it is: %s", (text) => {
    expect(sharedStatement(text)).toBe(text);
  });

  it.each([
    "lock table a",
    "LISTEN a",
    "/* x */ notify a",
    // A lone carriage return ends a comment, too.
    "-- x\rlisten a",
    "do $$ $$",
    "copy a from stdin",
    "vacuum",
    "discard all",
    "create table a (b int)",
    "\\copy a",
  ])("isn't one that reaches beyond rows: %s", (text) => {
    expect(() => sharedStatement(text)).toThrow(expect.objectContaining({ name: "InvalidArgument" }));
  });
});
