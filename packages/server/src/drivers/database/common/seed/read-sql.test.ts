import { expect, it } from "vitest";
import { longestPiece, readSql, type SqlPiece } from "./read-sql.ts";

async function* inChunks(text: string | Buffer, size: number): AsyncGenerator<Uint8Array> {
  const bytes = Buffer.from(text as string);
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function pieces(text: string | Buffer, size = 1_000_000): Promise<SqlPiece[]> {
  return Array.fromAsync(readSql(inChunks(text, size)));
}

/** Rows may come in other bunches. */
function joined(all: readonly SqlPiece[]): unknown[] {
  return all.flatMap((piece): unknown[] =>
    piece.kind === "statement"
      ? [piece]
      : piece.rows.map((row, index) => ({ row, line: piece.line + index })),
  );
}

const sample = `-- The first; not this one.
insert into pages values ('a;b', $$ ; $$, 'it''s', E'\\';', "we;ird") ;
/* a comment; /* within */ another */
  insert into pages
  values ('ü', (select ';'));
COPY media (id, "na;me") FROM stdin; -- begins below
1\tone;
2\t\\N

\\.
;;
insert into pages values ('last')`;

const expected = [
  { kind: "statement", text: expect.stringMatching(/^insert.*"we;ird"\) $/), line: 2, column: 1 },
  { kind: "statement", text: expect.stringMatching(/^insert into pages\n/), line: 4, column: 3 },
  { kind: "statement", text: 'COPY media (id, "na;me") FROM stdin', line: 6, column: 1 },
  { row: "1\tone;", line: 7 },
  { row: "2\t\\N", line: 8 },
  { row: "", line: 9 },
  { kind: "statement", text: "insert into pages values ('last')", line: 12, column: 1 },
];

it("a file is read as statements and rows, each with its place", async () => {
  expect(joined(await pieces(sample))).toEqual(expected);
});

it("wherever its chunks end, within letters too", async () => {
  for (let size = 1; size < 60; size += 1) expect(joined(await pieces(sample, size))).toEqual(expected);
});

it("one that ends with its last row, or with line breaks of Windows, is read alike", async () => {
  const text = "copy a (b) from stdin;\r\n1\r\n2\r\n\\.";
  expect(joined(await pieces(text, 3)).slice(1)).toEqual([
    { row: "1", line: 2 },
    { row: "2", line: 3 },
  ]);
});

it.each([
  ["rows without an end", "select 1;\ncopy a (b) from stdin;\n1\n", 4, /don't end/],
  ["what isn't UTF-8", Buffer.from([0x73, 0x0a, 0xff, 0xfe]), 1, /UTF-8/],
  ["a statement without an end", `\n'${"x".repeat(longestPiece + 1_000_000)}`, 1, /more than 16 MiB/],
])("%s is refused, with the line", async (_what, text, line, message) => {
  const failed = pieces(text);
  await expect(failed).rejects.toMatchObject({ line, message: expect.stringMatching(message) });
});

it("a long text within a statement is read as it is", async () => {
  const text = `insert into a values ('${"it''s ".repeat(1_000_000)}')`;
  const [only] = await pieces(`${text};`);
  expect((only as { text: string }).text.length).toBe(text.length);
});

it("a file of any length is held a piece at a time", async () => {
  const row = `${"x".repeat(99)}\n`;
  async function* long(): AsyncGenerator<Uint8Array> {
    yield Buffer.from("copy a (b) from stdin;\n");
    const chunk = Buffer.from(row.repeat(10_000));
    for (let count = 0; count < 60; count += 1) yield chunk;
    yield Buffer.from("\\.\n");
  }
  let rows = 0;
  let largest = 0;
  for await (const piece of readSql(long())) {
    if (piece.kind !== "rows") continue;
    rows += piece.rows.length;
    largest = Math.max(largest, piece.rows.length);
  }
  expect(rows).toBe(600_000);
  expect(largest).toBeLessThan(5_000);
});
