import type pg from "pg";
import type { ImportedRows, RowsPlace, RowsTally } from "../../driver.ts";
import type { Scope } from "../catalog/scope.sql.ts";
import { listOf, reference } from "../emit/quote.ts";
import { type ArchiveHeader, type ArchivePiece, readArchive } from "./archive.ts";
import { type CopyIn, openCopyIn } from "./copy-in.ts";
import { damaged } from "./damaged.ts";
import { explainRefusedRow, matchTables, requireSameSchema, requireSameSequences } from "./fits.ts";
import { selectFilledViews, selectPutAside } from "./put-aside.sql.ts";
import { type RowsTable, selectArchiveSequences, selectRowsTables, setSequence } from "./relations.sql.ts";

type Importing = { client: pg.ClientBase; scope: Scope; place: RowsPlace };

/** Takes rows as they come, table by table, in the archive's order. */
export type RowsTaker = {
  /** Rows of the table of that number follow. */
  begin(table: number): void | Promise<void>;
  take(rows: Buffer): Promise<void>;
  /** How many the database took. */
  end(): Promise<number>;
};

/**
 * Reads an archive to its end. `open` is told its header before anything is written; the whole has been found unharmed when
 * this is through.
 */
export async function takeArchive(
  archive: AsyncIterable<Uint8Array>,
  open: (header: ArchiveHeader) => Promise<RowsTaker>,
): Promise<ImportedRows> {
  const pieces = readArchive(archive);
  try {
    const first = await pieces.next();
    if (first.done || first.value.kind !== "header") throw damaged("it has no header");
    const { header } = first.value;
    const tally = await takePieces(pieces, header, await open(header));
    const { snapshot, runs } = header;
    return { ...tally, snapshot, ...(runs && { runs }) };
  } finally {
    // Whoever writes it must hear that nobody reads on.
    await pieces.return();
  }
}

async function takePieces(
  pieces: AsyncIterable<ArchivePiece>,
  header: ArchiveHeader,
  taker: RowsTaker,
): Promise<RowsTally> {
  let under: number | undefined;
  for await (const piece of pieces) {
    if (piece.kind === "end") return piece.tally;
    if (piece.kind === "header") continue;
    try {
      if (under !== piece.table) await taker.begin(piece.table);
      under = piece.table;
      if (piece.kind === "rows") await taker.take(piece.data);
      else if ((await taker.end()) !== piece.rows)
        throw damaged(`table ${piece.table + 1} hasn't as many rows as it says`);
    } catch (error) {
      throw explainRefusedRow(error, header.tables[piece.table]!);
    }
  }
  throw damaged("it has no end");
}

/**
 * Puts an archive's rows in place of all that the scope holds, in the transaction that `client` is in, as the owner of the
 * tables. Foreign keys are checked when all rows are there: in one go, and whatever the order.
 */
export async function importInto(
  { client, scope, place }: Importing,
  archive: AsyncIterable<Uint8Array>,
): Promise<ImportedRows> {
  let back: string[] = [];
  let header: ArchiveHeader | undefined;
  const imported = await takeArchive(archive, async (found) => {
    header = found;
    requireSameSchema(header, place);
    const tables = matchTables(header, await selectRowsTables(scope));
    requireSameSequences(header, await selectArchiveSequences(scope));
    const aside = await selectPutAside(scope);
    back = aside.back;
    for (const statement of aside.away) await client.query(statement);
    const names = tables.map((table) => nameIn(table, scope.home));
    if (names.length > 0) await client.query(`truncate ${names.join(", ")}`);
    return copying(client, header, names);
  });
  await client.query("set constraints all immediate");
  for (const statement of back) {
    await client.query(statement).catch((error: unknown) => {
      throw explainRefusedRow(error, { name: "the archive" });
    });
  }
  for (const sequence of header!.sequences) await setSequence(client, scope.home, sequence);
  for (const view of await selectFilledViews(scope)) await client.query(`refresh materialized view ${view}`);
  return imported;
}

const nameIn = ({ schema, name }: RowsTable, home: string): string =>
  reference({ schema: schema ?? home, name });

function copying(client: pg.ClientBase, header: ArchiveHeader, names: readonly string[]): RowsTaker {
  let copy: CopyIn | undefined;
  return {
    begin(table) {
      const columns = listOf(header.tables[table]!.columns.map(({ name }) => name));
      copy = openCopyIn(client, `copy ${names[table]!} ${columns && `(${columns})`} from stdin`);
    },
    take: (rows) => copy!.write(rows),
    end: () => copy!.end(),
  };
}
