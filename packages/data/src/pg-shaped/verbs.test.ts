import { describe, expect, test } from "vitest";
import { InvalidArgument } from "../errors.ts";
import { readVerb } from "./verbs.ts";

describe("what a statement means for its transaction", () => {
  test.each([
    ["begin", {}],
    ["BEGIN;", {}],
    ["  begin transaction", {}],
    ["begin work isolation level serializable", { isolation: "serializable" }],
    [
      "START TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY",
      { isolation: "repeatable read", readOnly: true },
    ],
    ["begin isolation level read committed read write", { isolation: "read committed", readOnly: false }],
    ["begin isolation level read uncommitted not deferrable", { isolation: "read committed" }],
  ])("%s begins one", (text, wish) => {
    expect(readVerb(text)).toEqual({ kind: "begin", wish });
  });

  test.each(["commit", "COMMIT;", "end", "commit transaction", "end work"])("%s commits it", (text) => {
    expect(readVerb(text)).toEqual({ kind: "commit" });
  });

  test.each(["rollback", "ROLLBACK ;", "abort", "rollback work"])("%s takes it back", (text) => {
    expect(readVerb(text)).toEqual({ kind: "rollback" });
  });

  test.each([
    "rollback to savepoint a",
    "savepoint a",
    "release savepoint a",
    "commit prepared 'x'",
    "beginning",
    "select 'begin'",
    "endless",
    "",
  ])("%s is a statement like others", (text) => {
    expect(readVerb(text)).toEqual({ kind: "other" });
  });

  test("modes that aren't supported are refused by name", () => {
    expect(() => readVerb("begin isolation level serializable deferrable")).toThrow(InvalidArgument);
    expect(() => readVerb("begin; drop table notes")).toThrow("; drop table notes");
    expect(readVerb("set transaction isolation level serializable")).toEqual({
      kind: "set transaction",
      wish: { isolation: "serializable" },
    });
  });
});
