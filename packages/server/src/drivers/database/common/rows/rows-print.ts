import { createHash } from "node:crypto";
import { type ArchiveHeader, readArchive } from "./archive.ts";

/** How many rows a table has, and a sum over them that doesn't depend on their order: 128 bits in hexadecimal. */
export type TablePrint = { rows: number; sum: string };

/** What tells the rows of one place from those of another, whatever levels they live at. */
export type RowsPrint = {
  tables: { [table: string]: TablePrint };
  /** What comes next from each sequence. */
  next: { [sequence: string]: string };
};

/** Reads an archive as it goes by: give `write` all its bytes, then `end`. Throws `archive_damaged`. */
export function createRowsPrinter() {
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  const writer = writable.getWriter();
  const printing = printRows(readable);
  printing.catch(() => undefined);
  return {
    // Whoever reads has said what is wrong when nothing is taken any more.
    write: (bytes: Uint8Array): Promise<void> => writer.write(bytes).catch(async () => void (await printing)),
    async end(): Promise<RowsPrint> {
      await writer.close();
      return printing;
    },
    /** Gives it up; nothing is left open. */
    async abandon(): Promise<void> {
      await writer.abort().catch(() => undefined);
      await printing.catch(() => undefined);
    },
  };
}

async function printRows(bytes: AsyncIterable<Uint8Array>): Promise<RowsPrint> {
  const print: RowsPrint = { tables: {}, next: {} };
  let header: ArchiveHeader | undefined;
  let table = openTable([]);
  for await (const piece of readArchive(bytes)) {
    if (piece.kind === "header") {
      header = piece.header;
      for (const { name, schema, lastValue, called } of header.sequences)
        print.next[nameOf({ name, schema })] = String(BigInt(lastValue) + (called ? 1n : 0n));
    }
    if (piece.kind === "rows") {
      if (table.number !== piece.table) table = openTable(header!.tables[piece.table]!.columns, piece.table);
      table.add(piece.data.toString("utf8"));
    }
    if (piece.kind === "table") {
      const isEmpty = table.number !== piece.table;
      print.tables[nameOf(header!.tables[piece.table]!)] = {
        rows: piece.rows,
        sum: isEmpty ? openTable([]).sum() : table.sum(),
      };
    }
  }
  return print;
}

const nameOf = ({ schema, name }: { schema?: string | undefined; name: string }): string =>
  schema === undefined ? name : `${schema}.${name}`;

/** Files know no minus zero: it counts as what it equals. */
const minusZero = /(^|[{,([])-0(?=$|[},)\]])/g;

function openTable(columns: ArchiveHeader["tables"][number]["columns"], number = -1) {
  const sums = [0, 0, 0, 0];
  // Levels may keep columns in another order.
  const order = columns
    .map((_, index) => index)
    .sort((a, b) => (columns[a]!.name < columns[b]!.name ? -1 : 1));
  const isFloat = columns.map(({ type }) => /^(?:real|double precision)/.test(type));
  return {
    number,
    /** Whole rows as COPY writes them. */
    add(text: string): void {
      for (const line of text.split("\n")) {
        if (line === "") continue;
        addRow(sums, line.split("\t"), order, isFloat);
      }
    },
    sum: () => sums.map((part) => part.toString(16).padStart(8, "0")).join(""),
  };
}

function addRow(
  sums: number[],
  fields: readonly string[],
  order: readonly number[],
  isFloat: readonly boolean[],
): void {
  const row = order.map((index) => {
    const field = fields[index] ?? "";
    return isFloat[index] ? field.replace(minusZero, "$10") : field;
  });
  const digest = createHash("sha256").update(row.join("\t")).digest();
  for (const index of sums.keys()) sums[index] = (sums[index]! + digest.readUInt32BE(index * 4)) >>> 0;
}

/** The tables in which two places don't hold the same rows, and the sequences that would give a number twice. */
export function compareRows(source: RowsPrint, target: RowsPrint): string[] {
  const names = new Set([...Object.keys(source.tables), ...Object.keys(target.tables)]);
  const differing = [...names].filter((name) => {
    const [here, there] = [source.tables[name], target.tables[name]];
    return here?.rows !== there?.rows || here?.sum !== there?.sum;
  });
  const behind = Object.entries(source.next).filter(
    ([name, next]) => BigInt(target.next[name] ?? 0) < BigInt(next),
  );
  return [
    ...differing.map((name) => {
      const [here = 0, there = 0] = [source.tables[name]?.rows, target.tables[name]?.rows];
      return `The table ${name} has ${here} rows at the old place and ${there} at the new one${here === there ? ", which differ" : ""}.`;
    }),
    ...behind.map(([name]) => `The sequence ${name} is behind.`),
  ];
}
