import pg from "pg";
import { hiddenColumn, isJson, withoutHiddenKey } from "./hidden-column.ts";
import type { Prepared } from "./prepared.ts";

/** How rows come back: as arrays of columns, and read from PostgreSQL's text by other parsers than pg's. */
export type RowForm = { rowMode?: "array"; types?: pg.CustomTypesConfig };

/** A statement in a message; of those before the last one the rows are dropped. */
export type PipedStatement = {
  text: string;
  values: readonly unknown[];
  /** Under no name when left out. */
  prepared?: Prepared | undefined;
  form?: RowForm | undefined;
};

// What pg's types leave out: how a client hands the server's messages to the query at work.
type Wire = {
  readonly stream: { cork(): void; uncork(): void };
  readonly submittedNamedStatements: Record<string, string>;
  parse(message: { text: string; name?: string }): void;
  bind(message: { statement?: string; values: readonly unknown[] }): void;
  execute(message: object): void;
  close(message: { type: "S"; name: string }): void;
};
type RowDescription = { fields: { name: string; dataTypeID: number }[] };
type DataRow = { fields: (string | null)[] };
type Handlers = {
  name: string | undefined;
  queryMode: string | undefined;
  submit(wire: Wire): Error | null;
  hasBeenParsed(wire: Wire): boolean;
  handleRowDescription(message: RowDescription): void;
  handleDataRow(message: DataRow): void;
  handleCommandComplete(message: { text: string }, wire: Wire): void;
};
type QueryClass = new (
  config: RowForm & { text: string },
  values: unknown[],
  callback: (error: Error | undefined, result: pg.QueryResult) => void,
) => Handlers & { callback: unknown };

export type Message = {
  /** Prepared statements that the server may forget. */
  close: readonly string[];
  before: readonly PipedStatement[];
  main: PipedStatement;
};

/**
 * pg's query with statements before it, all in one write and before one Sync: they are one transaction and one round
 * trip. pg's own pipelining puts a Sync behind every statement, which would end the context before it is of use. The
 * hidden column never reaches the result.
 */
class PipedQuery extends (pg.Query as unknown as QueryClass) {
  readonly #message: Message;
  #completed = 0;
  #hidden: number[] = [];
  /** Columns that may hold whole rows as JSON. */
  #json: number[] = [];

  constructor(message: Message, callback: (error: Error | undefined, result: pg.QueryResult) => void) {
    const { text, values, form } = message.main;
    super({ ...form, text }, [...values], callback);
    this.queryMode = "extended";
    this.#message = message;
  }

  /** How many of the statements before are through. */
  get completedBefore(): number {
    return this.#completed;
  }

  override submit(wire: Wire): Error | null {
    const { close, before, main } = this.#message;
    wire.stream.cork();
    try {
      for (const name of close) wire.close({ type: "S", name });
      for (const { text, values, prepared } of before) {
        const name = prepared?.name ?? "";
        if (!prepared?.standing) wire.parse({ text, name });
        wire.bind({ statement: name, values });
        wire.execute({});
      }
      // The name for as long as it is being sent: pg keeps accounts of names, and so do we.
      this.name = main.prepared?.name;
      return super.submit(wire);
    } finally {
      if (this.name) delete wire.submittedNamedStatements[this.name];
      this.name = undefined;
      wire.stream.uncork();
    }
  }

  override hasBeenParsed(): boolean {
    return this.#message.main.prepared?.standing ?? false;
  }

  override handleRowDescription(message: RowDescription): void {
    this.#hidden = message.fields.flatMap(({ name }, index) => (name === hiddenColumn ? [index] : []));
    const fields = this.#shown(message.fields);
    this.#json = fields.flatMap((field, index) => (isJson(field.dataTypeID) ? [index] : []));
    super.handleRowDescription({ ...message, fields });
  }

  override handleDataRow(message: DataRow): void {
    if (this.#completed < this.#message.before.length) return;
    const fields = this.#shown(message.fields);
    for (const index of this.#json) fields[index] = withoutHiddenKey(fields[index]!);
    super.handleDataRow({ ...message, fields });
  }

  override handleCommandComplete(message: { text: string }, wire: Wire): void {
    if (this.#completed < this.#message.before.length) this.#completed += 1;
    else super.handleCommandComplete(message, wire);
  }

  #shown<Field>(fields: Field[]): Field[] {
    return this.#hidden.length > 0 ? fields.filter((_, index) => !this.#hidden.includes(index)) : fields;
  }
}

/** What came of a message: its last statement's result, or the first error, and how many were through before. */
export type Outcome = { completed: number } & (
  | { error: pg.DatabaseError; result?: undefined }
  | { error?: undefined; result: pg.QueryResult }
);

export function sendPiped(client: pg.Client, message: Message): Promise<Outcome> {
  return new Promise((resolve) => {
    const piped = new PipedQuery(message, (error, result) => {
      const completed = piped.completedBefore;
      resolve(error ? { completed, error: error as pg.DatabaseError } : { completed, result });
    });
    client.query(piped as unknown as pg.Submittable);
  });
}
