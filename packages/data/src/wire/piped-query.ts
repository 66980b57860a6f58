import type pg from "pg";
import { MessageWriter, type SentValue } from "./message.ts";
import type { Prepared } from "./prepared.ts";
import { type RowForm, RowReader } from "./rows.ts";

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
 * pipelining puts a Sync behind every statement, which would end the context before it is of use. pg's client hands it the
 * server's answers, by the names that pg's own query has for that.
 */
class PipedQuery {
  readonly #bytes: Buffer;
  readonly #before: number;
  readonly #form: RowForm | undefined;
  readonly #done: (outcome: Outcome) => void;
  #completed = 0;
  #reader: RowReader | undefined;
  readonly #rows: unknown[] = [];
  #tag = "";
  #unreadable: Error | undefined;

  constructor(message: Message, done: (outcome: Outcome) => void) {
    this.#bytes = bytesOf(message);
    this.#before = message.before.length;
    this.#form = message.main.form;
    this.#done = done;
  }

  submit({ stream }: Wire): null {
    // On a line that broke a moment ago nothing is written: its end is on the way.
    if (stream.writable) stream.write(this.#bytes);
    return null;
  }

  handleRowDescription({ fields }: { fields: pg.FieldDef[] }): void {
    this.#reader = new RowReader(fields, this.#form);
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
    const result = { ...readTag(this.#tag), rows: this.#rows, fields: this.#reader?.fields ?? [] };
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
export function sendPiped(client: pg.Client, message: Message, done: (outcome: Outcome) => void): void {
  client.query(new PipedQuery(message, done) as unknown as pg.Submittable);
}
