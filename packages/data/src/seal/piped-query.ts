import pg from "pg";

/** A statement that goes before another one, in the same message and the same transaction. Its rows are dropped. */
export type PipedStatement = {
  text: string;
  values: readonly string[];
  /** Prepared under this name, by this message unless it stands already. */
  name?: string;
  prepared?: boolean;
};

/** The column that rows at the level `shared` have and their application doesn't know of. */
const hiddenColumn = "tenantry_environment";

// What pg's types leave out: how a client hands the server's messages to the query at work.
type Wire = {
  readonly stream: { cork(): void; uncork(): void };
  parse(message: { text: string; name?: string }): void;
  bind(message: { statement?: string; values: readonly string[] }): void;
  execute(): void;
};
type RowDescription = { fields: { name: string }[] };
type DataRow = { fields: (string | null)[] };
type Handlers = {
  submit(wire: Wire): Error | null;
  handleRowDescription(message: RowDescription): void;
  handleDataRow(message: DataRow): void;
  handleCommandComplete(message: { text: string }, wire: Wire): void;
};
type QueryClass = new (
  config: object,
  callback: (error: Error | undefined, result: pg.QueryResult) => void,
) => Handlers & { callback: unknown };

/**
 * pg's query with statements before it, all in one write and before one Sync: they are one transaction and one round
 * trip. pg's own pipelining puts a Sync behind every statement, which would end the context before it is of use. The
 * hidden column never reaches the result.
 */
export class PipedQuery extends (pg.Query as unknown as QueryClass) {
  readonly #before: readonly PipedStatement[];
  #completed = 0;
  #hidden: number[] = [];

  constructor(
    before: readonly PipedStatement[],
    config: { text: string; values: readonly unknown[] },
    callback: (error: Error | undefined, result: pg.QueryResult) => void,
  ) {
    super({ ...config, values: [...config.values], queryMode: "extended" }, callback);
    this.#before = before;
  }

  /** How many of the statements before are through. */
  get completedBefore(): number {
    return this.#completed;
  }

  override submit(wire: Wire): Error | null {
    wire.stream.cork();
    try {
      for (const { text, values, name, prepared } of this.#before) {
        const named = name === undefined ? {} : { name };
        if (!prepared) wire.parse({ text, ...named });
        wire.bind({ values, ...(name === undefined ? {} : { statement: name }) });
        wire.execute();
      }
      return super.submit(wire);
    } finally {
      wire.stream.uncork();
    }
  }

  override handleRowDescription(message: RowDescription): void {
    this.#hidden = message.fields.flatMap(({ name }, index) => (name === hiddenColumn ? [index] : []));
    super.handleRowDescription(
      this.#hidden.length > 0 ? { ...message, fields: this.#shown(message.fields) } : message,
    );
  }

  override handleDataRow(message: DataRow): void {
    if (this.#completed < this.#before.length) return;
    super.handleDataRow(
      this.#hidden.length > 0 ? { ...message, fields: this.#shown(message.fields) } : message,
    );
  }

  override handleCommandComplete(message: { text: string }, wire: Wire): void {
    if (this.#completed < this.#before.length) this.#completed += 1;
    else super.handleCommandComplete(message, wire);
  }

  #shown<Field>(fields: readonly Field[]): Field[] {
    return fields.filter((_, index) => !this.#hidden.includes(index));
  }
}

/** A row without the hidden column. */
export function withoutHidden<Row>(row: Row): Row {
  if (typeof row !== "object" || row === null || !(hiddenColumn in row)) return row;
  const { [hiddenColumn]: _hidden, ...rest } = row as Record<string, unknown>;
  return rest as Row;
}
