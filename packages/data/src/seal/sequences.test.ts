import { expect, test } from "vitest";
import { countedStatement } from "./sequences.ts";

test.each([
  ["select nextval('numbers')", `select tenantry.next_number('"numbers"')`],
  [
    `insert into a values (NEXTVAL('public."Number s"'::regclass), $1)`,
    `insert into a values (tenantry.next_number('"Number s"'), $1)`,
  ],
  [
    "select pg_catalog.nextval( 'Shop.Numbers' ), 'nextval(''x'')'",
    `select tenantry.next_number('"shop"."numbers"'), 'nextval(''x'')'`,
  ],
])("%s asks the counter", (text, expected) => {
  expect(countedStatement(text)).toBe(expected);
  expect(countedStatement(text)).toBe(expected);
});

test.each([
  "select nextval($1)",
  "select nextval('a' || 'b')",
  "select mine.nextval('a')",
  "select nextval from numbers",
  "select currval('numbers')",
])("%s is left as it is", (text) => {
  expect(countedStatement(text)).toBe(text);
});
