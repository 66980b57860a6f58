export function name(identifier: string): string {
  return `"${identifier.replaceAll('"', '""')}"`;
}

export function string(value: string): string {
  return `'${value.replaceAll("'", "''")}'`;
}

/** Ends the statement with an SQLSTATE: SQLite has no function for it, but tells a wrong path by its text. */
export function raise(code: string): string {
  return `json_extract('{}', 'tenantry:${code}')`;
}

/** The name of a constraint of ours, which stands for the error that PostgreSQL gives. */
export function guardName(code: string, column: string): string {
  return name(`tenantry:${code}:${column}`);
}
