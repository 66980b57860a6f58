import { expect, test } from "vitest";
import { createArchiveWriter } from "./archive.ts";
import { compareRows, createRowsPrinter, type RowsPrint } from "./rows-print.ts";

type Content = { columns?: string[]; rows: string[]; lastValue?: number };

/** What a place with one table and one sequence looks like. */
async function print({ columns = ["id", "weight"], rows, lastValue = 7 }: Content): Promise<RowsPrint> {
  const printer = createRowsPrinter();
  const writer = createArchiveWriter(printer.write);
  await writer.header({
    archive: "tenantry-rows",
    version: 1,
    app: "01a1fed9-80c2-73d8-bbe0-84d248b0a1f2",
    schema: { version: 1, digest: "0" },
    snapshot: null,
    takenAt: "2026-01-01T00:00:00Z",
    tables: [
      { name: "empty", columns: [{ name: "id", type: "integer" }] },
      {
        name: "notes",
        columns: columns.map((name) => ({ name, type: name === "weight" ? "double precision" : "text" })),
      },
    ],
    sequences: [{ name: "notes_id_seq", lastValue: String(lastValue), called: true }],
  });
  await writer.endTable(0);
  for (const row of rows) await writer.rows(Buffer.from(`${row}\n`));
  await writer.endTable(rows.length);
  await writer.end();
  return printer.end();
}

const here = { rows: ["a\t1", "b\t2", "b\t2", "c\t-0"] };
const differences = async (there: Content) => compareRows(await print(here), await print(there));

test("the same rows are the same in any order, with their columns in any order, and without minus zero", async () => {
  expect(await differences(here)).toEqual([]);
  expect(await differences({ rows: ["c\t0", "b\t2", "a\t1", "b\t2"] })).toEqual([]);
  expect(await differences({ columns: ["weight", "id"], rows: ["1\ta", "2\tb", "2\tb", "0\tc"] })).toEqual(
    [],
  );
  expect(await differences({ ...here, lastValue: 9 })).toEqual([]);
});

test.each([
  ["one that is missing", { rows: here.rows.slice(1) }, /4 rows at the old place and 3 at the new one/],
  ["one that is another", { rows: ["a\t1", "b\t2", "b\t3", "c\t0"] }, /which differ/],
  ["one that is there twice instead of another", { rows: ["a\t1", "a\t1", "b\t2", "c\t0"] }, /which differ/],
  ["values that changed places", { rows: ["1\ta", "b\t2", "b\t2", "c\t0"] }, /which differ/],
  ["a sequence that would give a number twice", { ...here, lastValue: 6 }, /notes_id_seq is behind/],
])("%s is found", async (_what, there, told) => {
  expect(await differences(there)).toEqual([expect.stringMatching(told)]);
});
