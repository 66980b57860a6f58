import pg from "pg";
import { hiddenColumn, parserWithoutHidden } from "./hidden-column.ts";

/** How rows come back: as arrays of columns, and read from PostgreSQL's text by other parsers than pg's. */
export type RowForm = { rowMode?: "array"; types?: pg.CustomTypesConfig };

/** The columns of an answer, without the hidden one. */
export class Columns {
  readonly fields: pg.FieldDef[];
  /** Where each stands in a row of the server's. */
  readonly places: number[] = [];
  /** What every row is made from, so that all have the same shape. */
  readonly empty: Record<string, unknown>;

  constructor(described: readonly pg.FieldDef[]) {
    for (const [at, { name }] of described.entries()) if (name !== hiddenColumn) this.places.push(at);
    this.fields = this.places.map((at) => described[at]!);
    this.empty = { ...Object.fromEntries(this.fields.map(({ name }) => [name, null])) };
  }
}

/** Reads rows as the server sends them. The hidden column never gets out. */
export class RowReader {
  readonly columns: Columns;
  readonly #asArrays: boolean;
  readonly #parsers: ((text: string) => unknown)[];

  constructor(columns: Columns, { rowMode, types = pg.types }: RowForm = {}) {
    this.columns = columns;
    this.#asArrays = rowMode === "array";
    // Looked for each time: an application may have set others since.
    this.#parsers = columns.fields.map(({ dataTypeID }) => parserWithoutHidden(types, dataTypeID));
  }

  read(sent: readonly (string | null)[]): unknown {
    const { fields, places, empty } = this.columns;
    if (this.#asArrays) return places.map((place, at) => this.#parsed(sent[place]!, at));
    const row = { ...empty };
    for (let at = 0; at < places.length; at += 1) {
      row[fields[at]!.name] = this.#parsed(sent[places[at]!]!, at);
    }
    return row;
  }

  #parsed(text: string | null, at: number): unknown {
    return text === null ? null : this.#parsers[at]!(text);
  }
}
