import { define } from "./define.ts";
import { attempt, type Definition } from "./definition.ts";
import { cloneSchema, emptySchema, type Schema } from "./model.ts";
import { loadParser, parseStatements } from "./parse.ts";
import { string } from "./quote.ts";
import type { Refusal } from "./refusal.ts";
import { guarded } from "./statement.ts";

/** What a migration has that the level can't hold. */
export type SqliteFinding = {
  /** The SQLSTATE that PostgreSQL has for it; 0A000 when it is the level that doesn't know it. */
  code: string;
  message: string;
  /** How to mend it, where that is known. */
  remedy: string | undefined;
  /** Counted from 1. */
  line: number;
};

export type TranslatedMigration = {
  /** For `apply`; of no use when there are findings. */
  statements: string[];
  findings: SqliteFinding[];
  /** The schema behind this migration: give it to the next one. */
  schema: Schema;
};

const modelTable = "tenantry_schema";

/**
 * Translates a migration, which is PostgreSQL's SQL, into SQLite's; by PostgreSQL's own parser. What the level can't hold
 * is told with its line, and all of it at once. Touches nothing.
 */
export async function translateMigration(
  sql: string,
  schema: Schema = emptySchema(),
): Promise<TranslatedMigration> {
  await loadParser();
  const findings: SqliteFinding[] = [];
  let began = 0;
  const report = (refusal: Refusal): void => {
    const { code, message, hint, location } = refusal;
    findings.push({ code, message, remedy: hint, line: lineOf(sql, location, began) });
  };
  const definition: Definition = { schema: cloneSchema(schema), statements: [], report };
  attempt(definition, () =>
    guarded(() => {
      for (const { node, location } of parseStatements(sql)) {
        began = location;
        attempt(definition, () => define(definition, node));
      }
    }),
  );
  if (findings.length === 0 && definition.statements.length > 0)
    definition.statements.push(...writeModel(definition.schema));
  return { statements: definition.statements, findings, schema: definition.schema };
}

/** The schema is written down in the file itself. */
function writeModel(schema: Schema): string[] {
  return [
    `create table if not exists ${modelTable} (model text not null)`,
    `delete from ${modelTable}`,
    `insert into ${modelTable} (model) values (${string(JSON.stringify(schema))})`,
  ];
}

/** The parser's places are in bytes of UTF-8; a statement's own beginning is in characters, and has blanks before it. */
function lineOf(sql: string, location: number | undefined, began: number): number {
  if (location !== undefined && location >= 0) {
    return Buffer.from(sql).subarray(0, location).toString().split("\n").length;
  }
  const blank = /^(?:\s|--[^\n]*(?:\n|$)|\/\*[\s\S]*?\*\/)*/.exec(sql.slice(began))![0].length;
  return sql.slice(0, began + blank).split("\n").length;
}
