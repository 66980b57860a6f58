import { type CliError, refusal } from "./problem.ts";

const reasons: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file",
  EISDIR: "that is a directory",
  ENOTDIR: "a part of its path isn't a directory",
  ENAMETOOLONG: "its name is too long",
  EACCES: "you may not",
  EROFS: "nothing can be written there",
  ENOSPC: "the disk is full",
  ERR_ENCODING_INVALID_ENCODED_DATA: "it isn't UTF-8",
};

/** That a file couldn't be read, by the name that was given, and why. */
export function unreadable(file: string, cause: unknown): CliError {
  return refusal("file_unreadable", `${named(file)} can't be read: ${reasonOf(cause)}.`, { cause });
}

/** That a file couldn't be written. */
export function unwritable(file: string, cause: unknown): CliError {
  return refusal("file_unwritable", `${named(file)} can't be written: ${reasonOf(cause)}.`, { cause });
}

const named = (file: string) => (file.trim() === "" ? "A file without a name" : file);

function reasonOf(cause: unknown): string {
  const { code, message } = cause as NodeJS.ErrnoException;
  return reasons[code ?? ""] ?? code ?? message;
}
