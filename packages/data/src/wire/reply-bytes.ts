import type pg from "pg";

/** The codes of messages that an ordinary answer is made of. */
export const replyCode = {
  parseComplete: 0x31,
  bindComplete: 0x32,
  closeComplete: 0x33,
  commandComplete: 0x43,
  dataRow: 0x44,
  emptyQuery: 0x49,
  noData: 0x6e,
  readyForQuery: 0x5a,
  rowDescription: 0x54,
} as const;

/** A message's code and length. */
export const headerBytes = 5;

/** A row as the server sends it; `at` is where its message's body begins. */
export function readValues(bytes: Buffer, at: number): (string | null)[] {
  const values = new Array<string | null>(bytes.readInt16BE(at));
  let begin = at + 2;
  for (let index = 0; index < values.length; index += 1) {
    const length = bytes.readInt32BE(begin);
    begin += 4;
    values[index] = length === -1 ? null : bytes.toString("utf8", begin, begin + length);
    if (length > 0) begin += length;
  }
  return values;
}

/** What follows a column's name. */
const columnBytes = 18;

/** A description of rows, as pg gives it. */
export function readDescription(bytes: Buffer, at: number): pg.FieldDef[] {
  const fields = new Array<pg.FieldDef>(bytes.readInt16BE(at));
  let begin = at + 2;
  for (let index = 0; index < fields.length; index += 1) {
    const end = bytes.indexOf(0, begin);
    const rest = end + 1;
    fields[index] = {
      name: bytes.toString("utf8", begin, end),
      tableID: bytes.readUInt32BE(rest),
      columnID: bytes.readInt16BE(rest + 4),
      dataTypeID: bytes.readUInt32BE(rest + 6),
      dataTypeSize: bytes.readInt16BE(rest + 10),
      dataTypeModifier: bytes.readInt32BE(rest + 12),
      format: bytes.readInt16BE(rest + 16) === 0 ? "text" : "binary",
    };
    begin = rest + columnBytes;
  }
  return fields;
}

/** A text of a message that has nothing behind it but the end; `end` is the message's. */
export function readTerminated(bytes: Buffer, at: number, end: number): string {
  return bytes.toString("latin1", at, end - 1);
}
