import type pg from "pg";
import { MessageWriter, type SentValue } from "./message.ts";
import type { Prepared } from "./prepared.ts";
import type { Replies, ReplyReader } from "./replies.ts";
import { headerBytes, readDescription, readTerminated, readValues, replyCode } from "./reply-bytes.ts";
import { Columns, type RowForm, RowReader } from "./rows.ts";

/** A statement in a message; of those before the last one the rows are dropped. */
export type PipedStatement = {
  text: string;
  values: readonly SentValue[];
  /** Under no name when left out. */
  prepared?: Prepared | undefined;
  form?: RowForm | undefined;
};

export type Message = {
  /** Prepared statements that the server may forget. */
  close: readonly string[];
  before: readonly PipedStatement[];
  main: PipedStatement;
};

/** What came of a message: its last statement's result, or the first error, and how many were through before. */
export type Outcome = { completed: number } & (
  | { error: pg.DatabaseError; result?: undefined }
  | { error?: undefined; result: pg.QueryResult }
);

// What pg's types leave out: what a client gives the query at work to write with.
type Wire = {
  readonly stream: { readonly writable: boolean; write(bytes: Buffer): void };
  sendCopyFail(reason: string): void;
  sync(): void;
};

/**
 * Statements in one message, all in one write and before one Sync: they are one transaction and one round trip. pg's own
 * pipelining puts a Sync behind every statement, which would end the context before it is of use. An ordinary answer it
 * reads by itself; the rest pg's client hands it, by the names that pg's own query has for that.
 */
class PipedQuery implements ReplyReader {
  readonly #bytes: Buffer;
  readonly #before: number;
  readonly #main: PipedStatement;
  readonly #replies: Replies;
  readonly #done: (outcome: Outcome) => void;
  #completed = 0;
  #reader: RowReader | undefined;
  readonly #rows: unknown[] = [];
  #tag = "";
  #unreadable: Error | undefined;
  status: string | undefined;

  constructor(message: Message, replies: Replies, done: (outcome: Outcome) => void) {
    this.#bytes = bytesOf(message);
    this.#before = message.before.length;
    this.#main = message.main;
    this.#replies = replies;
    this.#done = done;
  }

  submit({ stream }: Wire): null {
    this.#replies.expect(this);
    // On a line that broke a moment ago nothing is written: its end is on the way.
    if (stream.writable) stream.write(this.#bytes);
    return null;
  }

  read(bytes: Buffer): number {
    let at = 0;
    while (this.status === undefined && at + headerBytes <= bytes.length) {
      const end = at + 1 + bytes.readInt32BE(at + 1);
      if (end > bytes.length || !this.#take(bytes, at, end)) break;
      at = end;
    }
    return at;
  }

  /** Reads one message; false for one that isn't part of an ordinary answer. */
  #take(bytes: Buffer, begin: number, end: number): boolean {
    const body = begin + headerBytes;
    switch (bytes[begin]) {
      case replyCode.dataRow:
        if (this.#completed === this.#before) this.handleDataRow({ fields: readValues(bytes, body) });
        return true;
      case replyCode.commandComplete:
        this.handleCommandComplete({ text: readTerminated(bytes, body, end) });
        return true;
      case replyCode.rowDescription:
        this.#describe(bytes.subarray(body, end));
        return true;
      case replyCode.readyForQuery:
        this.status = String.fromCharCode(bytes[body]!);
        return true;
      case replyCode.parseComplete:
      case replyCode.bindComplete:
      case replyCode.closeComplete:
      case replyCode.noData:
      case replyCode.emptyQuery:
        return true;
      default:
        return false;
    }
  }

  /** A statement that stands prepared has the same description again and again. */
  #describe(bytes: Buffer): void {
    const { prepared, form } = this.#main;
    let described = prepared?.described;
    if (!described?.bytes.equals(bytes)) {
      described = { bytes: Buffer.from(bytes), columns: new Columns(readDescription(bytes, 0)) };
      if (prepared) prepared.described = described;
    }
    this.#reader = new RowReader(described.columns, form);
  }

  handleRowDescription({ fields }: { fields: pg.FieldDef[] }): void {
    this.#reader = new RowReader(new Columns(fields), this.#main.form);
  }

  handleDataRow({ fields }: { fields: (string | null)[] }): void {
    if (this.#completed < this.#before || this.#unreadable) return;
    try {
      this.#rows.push(this.#reader!.read(fields));
    } catch (error) {
      this.#unreadable = error as Error;
    }
  }

  handleCommandComplete({ text }: { text: string }): void {
    if (this.#completed < this.#before) this.#completed += 1;
    else this.#tag = text;
  }

  handleEmptyQuery(): void {
    // A statement of nothing but a comment is done, and has no tag.
  }

  handleCopyInResponse(wire: Wire): void {
    wire.sendCopyFail("No source stream defined");
    // While it waits for rows the server passes over the Sync that it has got already.
    wire.sync();
  }

  handleCopyData(): void {
    // Rows that COPY sends are nobody's.
  }

  handleError(error: Error): void {
    this.#fail(this.#unreadable ?? error);
  }

  handleReadyForQuery(): void {
    if (this.#unreadable) {
      this.#fail(this.#unreadable);
      return;
    }
    const result = {
      ...readTag(this.#tag),
      rows: this.#rows,
      fields: [...(this.#reader?.columns.fields ?? [])],
    };
    this.#done({ completed: this.#completed, result: result as pg.QueryResult });
  }

  #fail(error: Error): void {
    this.#done({ completed: this.#completed, error: error as pg.DatabaseError });
  }
}

function bytesOf({ close, before, main }: Message): Buffer {
  const writer = new MessageWriter();
  for (const name of close) writer.close(name);
  for (const statement of before) {
    bind(writer, statement);
    writer.execute();
  }
  bind(writer, main);
  writer.describe();
  writer.execute();
  return writer.finish();
}

function bind(writer: MessageWriter, { text, values, prepared }: PipedStatement): void {
  const name = prepared?.name ?? "";
  if (!prepared?.standing) writer.parse(name, text);
  writer.bind(name, values);
}

/** `INSERT 0 5`, `SELECT 1`, `CREATE TABLE`. */
const tagForm = /^([A-Za-z]+)(?: (\d+))?(?: (\d+))?/;

function readTag(tag: string): { command: string | null; rowCount: number | null; oid: number } {
  const [, command = null, first, second] = tagForm.exec(tag) ?? [];
  const count = second ?? first;
  return {
    command,
    rowCount: count === undefined ? null : Number(count),
    oid: second === undefined ? 0 : Number(first),
  };
}

/** `done` is called once, when the server has answered or the line broke. */
export function sendPiped(
  { client, replies }: { client: pg.Client; replies: Replies },
  message: Message,
  done: (outcome: Outcome) => void,
): void {
  client.query(new PipedQuery(message, replies, done) as unknown as pg.Submittable);
}
