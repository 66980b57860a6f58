const codes: readonly unknown[] = [
  // PostgreSQL's, and the system's, for a full disk and for a quota.
  "53100",
  "ENOSPC",
  "EDQUOT",
  // SQLite's.
  "SQLITE_FULL",
];

/** Whether an error says that there is no room left: on this machine's disk or on a database server's. */
export function isDiskFull(error: unknown): boolean {
  return error instanceof Error && "code" in error && codes.includes(error.code);
}
