import pg from "pg";

/** The column that rows at the level `shared` have and their application doesn't know of. */
export const hiddenColumn = "tenantry_environment";

/** A row without the hidden column. */
export function withoutHidden<Row>(row: Row): Row {
  if (typeof row !== "object" || row === null || !(hiddenColumn in row)) return row;
  const { [hiddenColumn]: _hidden, ...rest } = row as Record<string, unknown>;
  return rest as Row;
}

/** json, jsonb, and lists of them. */
const jsonTypes = new Set([114, 199, 3802, 3807]);

// In a list of documents, and in a string within a document, quotes have a backslash before them.
const key = /(\{\s*|,\s*)(\\?")tenantry_environment\2\s*:\s*(?:\2[0-9a-f-]{36}\2|null)(\s*,\s*)?/g;

/** A whole row as JSON (`to_jsonb(notes)`) without the hidden column, wherever in the document it stands. */
export function withoutHiddenKey(text: string | null): string | null {
  if (text === null || !text.includes(hiddenColumn)) return text;
  return text.replace(key, (_whole, before: string, _quote, after: string | undefined) =>
    before.startsWith("{") ? before : (after ?? ""),
  );
}

/** Reads a column's text as `types` do, without the hidden column in whole rows as JSON. */
export function parserWithoutHidden(
  types: pg.CustomTypesConfig,
  dataTypeId: number,
): (text: string) => unknown {
  const parse = types.getTypeParser(dataTypeId, "text") as (text: string) => unknown;
  return jsonTypes.has(dataTypeId) ? (text) => parse(withoutHiddenKey(text)!) : parse;
}

/** pg's parsers, for rows that are read past the message that leaves the hidden column out. */
export const typesWithoutHidden = {
  getTypeParser: (dataTypeId: number) => parserWithoutHidden(pg.types, dataTypeId),
} as pg.CustomTypesConfig;
