/** The system's name for what went wrong (`ENOENT`); undefined for other errors. */
export function errorCode(error: unknown): string | undefined {
  if (typeof error !== "object" || error === null || !("code" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}

const absent = ["ENOENT", "ENOTDIR", "ELOOP", "EISDIR", "ENXIO", "EAGAIN", "ESPIPE"];

/** No such entry, or one that is not what we look for: a directory in a file's place, a symlink, a pipe. */
export function meansAbsent(error: unknown): boolean {
  return absent.includes(errorCode(error) ?? "");
}

/** The disk is full, or what this user may have of it. */
export function meansFull(error: unknown): boolean {
  return ["ENOSPC", "EDQUOT"].includes(errorCode(error) ?? "");
}

/** A directory isn't empty: to remove it, or to put something in its place. */
export function meansOccupied(error: unknown): boolean {
  return ["ENOTEMPTY", "EEXIST"].includes(errorCode(error) ?? "");
}
