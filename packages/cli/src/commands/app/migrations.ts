import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { unreadable } from "../../files.ts";
import { refusal } from "../../problem.ts";

export type Migration = { name: string; sql: string };

/** The .sql files of a directory, in the order in which they are applied: that of their names, byte by byte. */
export async function readMigrations(directory: string): Promise<Migration[]> {
  const names = await readdir(directory).catch((error: NodeJS.ErrnoException) => {
    const reason = { ENOENT: "there is no such directory", ENOTDIR: "that is not a directory" }[
      error.code ?? ""
    ];
    throw refusal(
      "file_unreadable",
      `The migrations in ${directory} can't be read: ${reason ?? error.message}.`,
      {
        cause: error,
      },
    );
  });
  const files = names.filter((name) => name.endsWith(".sql")).sort();
  if (files.length > 0) return Promise.all(files.map((name) => readMigration(directory, name)));
  throw refusal("file_unreadable", `There are no .sql files in ${directory}.`, {
    remedy: "An application without a database of its own needs no --migrations.",
  });
}

async function readMigration(directory: string, name: string): Promise<Migration> {
  const file = path.join(directory, name);
  try {
    const sql = new TextDecoder("utf-8", { fatal: true }).decode(await readFile(file));
    return { name, sql };
  } catch (cause) {
    throw unreadable(file, cause);
  }
}
