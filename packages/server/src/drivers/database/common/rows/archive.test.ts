import { describe, expect, test } from "vitest";
import { type ArchiveHeader, type ArchivePiece, createArchiveWriter, readArchive } from "./archive.ts";
import { arrayLiteral, inWholeRows, readCopyRows } from "./copy-text.ts";

const header: ArchiveHeader = {
  archive: "tenantry-rows",
  version: 1,
  app: "01998000-0000-7000-8000-000000000000",
  schema: { version: 2, digest: "abc" },
  snapshot: "10:12:10",
  takenAt: "2026-01-01T00:00:00.000Z",
  tables: [
    { name: "notes", columns: [{ name: "body", type: "text" }] },
    { schema: "other", name: "empty", columns: [] },
  ],
  sequences: [{ name: "notes_id_seq", lastValue: "3", called: true }],
};

async function written(change: Partial<ArchiveHeader> = {}): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  const writer = createArchiveWriter(async (bytes) => void parts.push(bytes));
  await writer.header({ ...header, ...change });
  await writer.rows(Buffer.from("one\ntwo\n"));
  await writer.rows(Buffer.from("three\n"));
  await writer.endTable(3);
  await writer.endTable(0);
  await writer.end();
  return Buffer.concat(parts);
}

async function* inChunks(bytes: Buffer, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function read(bytes: Buffer, size = 7): Promise<ArchivePiece[]> {
  const pieces: ArchivePiece[] = [];
  for await (const piece of readArchive(inChunks(bytes, size))) pieces.push(piece);
  return pieces;
}

describe("an archive of rows", () => {
  test("is read as it was written, however its bytes come in", async () => {
    const bytes = await written();
    const expected = [
      { kind: "header", header },
      { kind: "rows", table: 0, data: Buffer.from("one\ntwo\n") },
      { kind: "rows", table: 0, data: Buffer.from("three\n") },
      { kind: "table", table: 0, rows: 3 },
      { kind: "table", table: 1, rows: 0 },
      { kind: "end", tally: { tables: 2, rows: 3, bytes: 14 } },
    ];
    for (const size of [1, 7, 64, bytes.length]) expect(await read(bytes, size)).toEqual(expected);
  });

  test("shows harm done to any of its bytes, and any end before its own", async () => {
    const bytes = await written();
    for (let at = 0; at < bytes.length; at += 1) {
      const harmed = Buffer.from(bytes);
      harmed[at]! ^= 1;
      const refused = await read(harmed, bytes.length).catch((error: { code?: string }) => error);
      expect([at, ["archive_damaged", "archive_mismatch"]]).toEqual([
        at,
        expect.arrayContaining([(refused as { code?: string }).code]),
      ]);
      await expect(read(bytes.subarray(0, at), bytes.length)).rejects.toMatchObject({
        code: "archive_damaged",
      });
    }
    await expect(read(Buffer.concat([bytes, Buffer.from("x")]))).rejects.toMatchObject({
      code: "archive_damaged",
    });
  });

  test("of a later form is refused by what it says of itself", async () => {
    const later = { version: 2 } as unknown as Partial<ArchiveHeader>;
    await expect(read(await written(later))).rejects.toMatchObject({ code: "archive_mismatch" });
  });

  test("tells whoever writes it when its reader stops", async () => {
    const bytes = await written();
    let stopped = false;
    async function* source() {
      try {
        yield* inChunks(bytes, 400);
      } finally {
        stopped = true;
      }
    }
    for await (const piece of readArchive(source())) if (piece.kind === "header") break;
    expect(stopped).toBe(true);
  });
});

test("rows of COPY read as the values that they stand for", () => {
  const text = `${String.raw`a\tb\\N	\N		\\x00ff`}\n${String.raw`line\nfeed\r\b\f\v	"q"	{1,2}	é`}\n`;
  expect(readCopyRows(Buffer.from(text))).toEqual([
    ["a\tb\\N", null, "", "\\x00ff"],
    ["line\nfeed\r\b\f\v", '"q"', "{1,2}", "é"],
  ]);
  expect(arrayLiteral(["a", null, "", 'q"\\', "NULL"])).toBe('{"a",NULL,"","q\\"\\\\","NULL"}');
});

test("pieces hold whole rows, however the bytes come in", async () => {
  const text = Buffer.from("one\ntwo\nthree\nfour\n");
  for (const size of [1, 3, 5, 100]) {
    const pieces: string[] = [];
    for await (const piece of inWholeRows(inChunks(text, size) as AsyncIterable<Buffer>, 6))
      pieces.push(piece.toString());
    expect(pieces.join("")).toBe(text.toString());
    expect(pieces.every((piece) => piece.endsWith("\n"))).toBe(true);
  }
});
