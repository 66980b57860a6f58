import pg from "pg";
import { hiddenColumn, parserWithoutHidden } from "./hidden-column.ts";

/** How rows come back: as arrays of columns, and read from PostgreSQL's text by other parsers than pg's. */
export type RowForm = { rowMode?: "array"; types?: pg.CustomTypesConfig };

/** Reads rows as the server sends them. The hidden column never gets out. */
export class RowReader {
  /** Those that are shown. */
  readonly fields: pg.FieldDef[];
  readonly #asArrays: boolean;
  readonly #parsers: ((text: string) => unknown)[];
  /** Where the columns that are shown stand in a row of the server's. */
  readonly #places: number[] = [];
  /** What every row is made from, so that all have the same shape. */
  readonly #empty: Record<string, unknown>;

  constructor(described: readonly pg.FieldDef[], { rowMode, types = pg.types }: RowForm = {}) {
    for (const [at, { name }] of described.entries()) if (name !== hiddenColumn) this.#places.push(at);
    this.fields = this.#places.map((at) => described[at]!);
    this.#asArrays = rowMode === "array";
    this.#parsers = this.fields.map(({ dataTypeID }) => parserWithoutHidden(types, dataTypeID));
    this.#empty = { ...Object.fromEntries(this.fields.map(({ name }) => [name, null])) };
  }

  read(sent: readonly (string | null)[]): unknown {
    if (this.#asArrays) return this.#places.map((place, at) => this.#parsed(sent[place]!, at));
    const row = { ...this.#empty };
    for (let at = 0; at < this.#places.length; at += 1) {
      row[this.fields[at]!.name] = this.#parsed(sent[this.#places[at]!]!, at);
    }
    return row;
  }

  #parsed(text: string | null, at: number): unknown {
    return text === null ? null : this.#parsers[at]!(text);
  }
}
