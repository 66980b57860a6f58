import { createHash, type Hash } from "node:crypto";
import { failure } from "../../../../kernel/index.ts";
import type { RowsTally } from "../../driver.ts";
import { createByteReader } from "./byte-reader.ts";
import { damaged } from "./damaged.ts";

/**
 * The portable form of an environment's rows, the same at all levels: a stream of bytes that says itself what it holds, and
 * whether it is whole. Lines of JSON, each ended by a line feed; behind one that announces bytes, these.
 *
 *     {"archive":"tenantry-rows","version":1,"app":…,"schema":…,"snapshot":…,"tables":[…],"sequences":[…]}
 *     {"bytes":262140}        whole rows of the first table in PostgreSQL's text format of COPY, then these bytes
 *     {"rows":5000,"bytes":786420,"sha256":"…"}    the first table is complete; the next one begins
 *     {"archive":"end","tables":12,"rows":81234,"bytes":…,"sha256":"…"}    over all lines that announce no bytes
 */
export type ArchiveHeader = {
  archive: "tenantry-rows";
  version: 1;
  /** UUID. */
  app: string;
  /** How many of the application's migrations the rows have been through, and a digest of those. */
  schema: { version: number; digest: string };
  /** What of the server's transactions the rows show, as `pg_visible_in_snapshot` reads it; null where there is no such thing. */
  snapshot: string | null;
  /** Of a file, which has no such thing: the runs of scripts that the rows show, by their ids. */
  runs?: string[];
  /** ISO 8601, by the server's clock. */
  takenAt: string;
  /** Each behind those that its rows point to, as far as there is no circle. */
  tables: ArchiveTable[];
  sequences: ArchiveSequence[];
};

/** Without `schema` where it is the one that the application takes for its own. Generated columns aren't in it. */
export type ArchiveTable = { schema?: string; name: string; columns: ArchiveColumn[] };
/** Types as PostgreSQL writes them. */
export type ArchiveColumn = { name: string; type: string };
/** Where it stands; `called` says whether the last value was given out already. */
export type ArchiveSequence = { schema?: string; name: string; lastValue: string; called: boolean };

/** What there is in an archive, in the order of its bytes. */
export type ArchivePiece =
  | { kind: "header"; header: ArchiveHeader }
  /** Whole rows of the table of that number. */
  | { kind: "rows"; table: number; data: Buffer }
  /** The table's rows were all there, and unharmed. */
  | { kind: "table"; table: number; rows: number }
  /** So was everything. */
  | { kind: "end"; tally: RowsTally };

/** Writes an archive piece by piece: its header, for each table its rows and `endTable`, `end`. */
export function createArchiveWriter(write: (bytes: Uint8Array) => Promise<void>) {
  const whole = createHash("sha256");
  const tally: RowsTally = { tables: 0, rows: 0, bytes: 0 };
  let table = beginTable();
  async function line(content: object): Promise<void> {
    const bytes = Buffer.from(`${JSON.stringify(content)}\n`);
    whole.update(bytes);
    await write(bytes);
  }
  return {
    tally: tally as Readonly<RowsTally>,
    header: (header: ArchiveHeader) => line(header),
    async rows(data: Uint8Array): Promise<void> {
      table.hash.update(data);
      table.bytes += data.byteLength;
      await write(Buffer.from(`{"bytes":${data.byteLength}}\n`));
      await write(data);
    },
    async endTable(rows: number): Promise<void> {
      const { bytes, hash } = table;
      await line({ rows, bytes, sha256: hash.digest("hex") });
      tally.tables += 1;
      tally.rows += rows;
      tally.bytes += bytes;
      table = beginTable();
    },
    async end(): Promise<void> {
      const sha256 = whole.digest("hex");
      await write(Buffer.from(`${JSON.stringify({ archive: "end", ...tally, sha256 })}\n`));
    },
  };
}

const beginTable = (): { bytes: number; hash: Hash } => ({ bytes: 0, hash: createHash("sha256") });

const longestHeader = 64 * 1024 * 1024;
const longestRows = 1024 * 1024 * 1024;

/**
 * Reads an archive, and believes nothing of it that it hasn't counted and hashed. Throws `archive_damaged` where it isn't
 * as it was written, or breaks off.
 */
export async function* readArchive(
  bytes: AsyncIterable<Uint8Array>,
): AsyncGenerator<ArchivePiece, void, undefined> {
  const reader = createByteReader(bytes);
  try {
    const whole = createHash("sha256");
    const tally: RowsTally = { tables: 0, rows: 0, bytes: 0 };
    const first = await reader.line(longestHeader);
    const header = readHeader(first);
    whole.update(first);
    yield { kind: "header", header };
    for (const number of header.tables.keys()) {
      const rows = yield* readTable(reader, number, tally, whole);
      yield { kind: "table", table: number, rows };
    }
    const last = parseLine(await reader.line(longestHeader));
    const sha256 = whole.digest("hex");
    const expected = { archive: "end", ...tally, sha256 };
    if (JSON.stringify(last) !== JSON.stringify(expected)) throw damaged("its end doesn't fit what is in it");
    if (!(await reader.isAtEnd())) throw damaged("something follows its end");
    yield { kind: "end", tally };
  } finally {
    await reader.close();
  }
}

async function* readTable(
  reader: ReturnType<typeof createByteReader>,
  number: number,
  tally: RowsTally,
  whole: Hash,
): AsyncGenerator<ArchivePiece, number, undefined> {
  const table = beginTable();
  for (;;) {
    const bytes = await reader.line(longestHeader);
    const line = parseLine(bytes) as { bytes?: number; rows?: number; sha256?: string };
    if (line.rows === undefined) {
      const size = line.bytes ?? -1;
      if (!(Number.isSafeInteger(size) && size > 0 && size <= longestRows))
        throw damaged(`table ${number + 1} has rows of ${size} bytes`);
      const data = await reader.bytes(size);
      table.hash.update(data);
      table.bytes += size;
      yield { kind: "rows", table: number, data };
      continue;
    }
    if (line.bytes !== table.bytes || line.sha256 !== table.hash.digest("hex"))
      throw damaged(`the rows of table ${number + 1} aren't those that were written`);
    whole.update(bytes);
    tally.tables += 1;
    tally.rows += line.rows;
    tally.bytes += table.bytes;
    return line.rows;
  }
}

function readHeader(line: Buffer): ArchiveHeader {
  const header = parseLine(line) as Partial<Omit<ArchiveHeader, "archive" | "version">> & {
    archive?: string;
    version?: number;
  };
  if (header.archive !== "tenantry-rows") throw damaged("it isn't an archive of rows");
  if (header.version !== 1)
    throw failure("archive_mismatch", {
      detail: `The archive has version ${String(header.version)} of its form, and this Tenantry reads version 1.`,
      remedy: "Use the version of Tenantry that wrote it, or a later one.",
    });
  if (!Array.isArray(header.tables) || !Array.isArray(header.sequences))
    throw damaged("its header isn't whole");
  return header as ArchiveHeader;
}

function parseLine(line: Buffer): object {
  try {
    const value: unknown = JSON.parse(line.toString("utf8"));
    if (typeof value === "object" && value !== null) return value;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw damaged("a line isn't readable");
}
