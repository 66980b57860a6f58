import { expect, test } from "vitest";
import type { Column, IndexObject, TableObject } from "../catalog/catalog.ts";
import { formOf } from "../form/form.ts";
import { emitObject } from "./objects.ts";
import { sharedIndex } from "./shared/hidden-column.ts";
import { columnStatistics, indexStatistics, jointStatistics } from "./statistics.ts";

const column: Column = {
  name: "title",
  type: "text",
  notNull: false,
  collation: undefined,
  identity: undefined,
  generated: undefined,
  local: true,
  statistics: undefined,
  comment: undefined,
};
const table = (statistics: number | undefined): TableObject => ({
  kind: "table",
  schema: undefined,
  name: "notes",
  comment: undefined,
  unlogged: false,
  columns: [{ ...column, statistics }],
  partitionKey: undefined,
  partitionOf: undefined,
  inherits: [],
  options: [],
  rowSecurity: "off",
  replicaIdentity: undefined,
});
const index: IndexObject = {
  kind: "index",
  schema: undefined,
  name: "lowered",
  comment: undefined,
  table: { schema: undefined, name: "notes" },
  unique: false,
  method: "btree",
  definition: "btree (lower(title))",
  leakproof: true,
  statistics: [{ column: 1, target: 0 }],
};
const joint = { kind: "statistics", schema: undefined, name: "both", comment: undefined } as const;

test("how closely a column is sampled is said after its table, and not where it is as usual", () => {
  expect(emitObject(table(undefined))).toHaveLength(1);
  expect(emitObject(table(0)).slice(1)).toEqual([
    'alter table only "notes" alter column "title" set statistics 0',
  ]);
});

test("what isn't said is no part of the form that schemas are compared by", () => {
  const form = (statistics: number | undefined) =>
    formOf({ extensions: [], objects: [table(statistics), { ...index, statistics: [] }] }, "public");
  expect(JSON.stringify(form(undefined))).not.toContain("statistics");
  expect(form(0)['column "notes"."title"']).toMatchObject({ statistics: "0" });
});

test("a change is followed, and the way back to the default", () => {
  const [usual, closed] = [column, { ...column, statistics: 0 }];
  expect(columnStatistics(table(0), closed, closed)).toEqual([]);
  expect(columnStatistics(table(0), usual, usual)).toEqual([]);
  expect(columnStatistics(table(0), usual, closed)).toEqual([
    'alter table only "notes" alter column "title" set statistics -1',
  ]);
  const same = { ...joint, definition: "on a, b from notes" };
  expect(jointStatistics({ ...same, target: undefined }, { target: 0 })).toEqual([
    'alter statistics "both" set statistics -1',
  ]);
  expect(indexStatistics({ ...index, statistics: [] }, index)).toEqual([
    'alter index "lowered" alter column 1 set statistics -1',
  ]);
});

test("an expression's place in an index counts the hidden column where there is one", () => {
  expect(emitObject(sharedIndex(index)).at(-1)).toBe('alter index "lowered" alter column 2 set statistics 0');
  const other = { ...index, method: "gin", definition: "gin (words(title))" };
  expect(emitObject(sharedIndex(other)).at(-1)).toBe('alter index "lowered" alter column 1 set statistics 0');
});
