const allowed = new Set(["insert", "update", "delete", "with"]);

/** Whether a statement that begins with this word changes rows, and no more. */
export const changesRowsAlone = (firstWord: string): boolean => allowed.has(firstWord);

const writesModel = /^(?:create table if not exists|delete from|insert into) tenantry_schema\b/;

/** A migration ends with noting the schema, which statements about rows leave as it is. */
export const withoutModel = (statements: readonly string[]): string[] =>
  statements.filter((statement) => !writesModel.test(statement));
