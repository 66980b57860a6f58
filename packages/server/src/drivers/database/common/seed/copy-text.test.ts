import { expect, it } from "vitest";
import { copyTarget, fieldsOfLine } from "./copy-text.ts";

it("rows are read as COPY writes them", () => {
  expect(fieldsOfLine("a\t\\N\t\t\\\\N")).toEqual(["a", null, "", "\\N"]);
  expect(fieldsOfLine("tab\\tline\\nslash\\\\\\x41\\101\\.")).toEqual(["tab\tline\nslash\\AA."]);
});

it.each([
  ["copy pages (id, title) from stdin", { table: "pages", columns: "id, title", width: 2 }],
  [
    'COPY public."Pages" ("a,b") FROM stdin WITH (FORMAT text)',
    { table: '"Pages"', columns: '"a,b"', width: 1 },
  ],
  ["copy shop.orders(a,b,c) from stdin", { table: "shop.orders", columns: "a,b,c", width: 3 }],
])("%s is understood", (statement, target) => {
  expect(copyTarget(statement)).toEqual(target);
});

it.each([
  "copy pages from stdin",
  "copy pages (id) from stdin with (format csv)",
  "copy pages (id) from stdin csv",
  "copy pages (id); drop table pages; -- from stdin",
])("%s isn't", (statement) => {
  expect(copyTarget(statement)).toBeUndefined();
});
