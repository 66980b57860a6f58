import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { TestKitError } from "./errors.ts";

/** The .sql files of a directory, in the order in which an installation applies them: that of their names. */
export async function readMigrations(directory: string | URL): Promise<{ name: string; sql: string }[]> {
  const place = path.resolve(directory instanceof URL ? fileURLToPath(directory) : directory);
  let names: string[];
  try {
    names = (await readdir(place)).filter((name) => name.endsWith(".sql")).sort();
  } catch (cause) {
    throw unreadable(
      `The migrations in ${place} can't be read (${(cause as NodeJS.ErrnoException).code}).`,
      cause,
    );
  }
  if (names.length === 0) throw unreadable(`There are no .sql files in ${place}.`);
  return Promise.all(
    names.map(async (name) => ({ name, sql: await readFile(path.join(place, name), "utf8") })),
  );
}

function unreadable(what: string, cause?: unknown): TestKitError {
  const advice =
    "Name the directory that `tenantry app create --migrations` is given: " +
    'startTestKit({ migrations: new URL("../migrations", import.meta.url) }).';
  return new TestKitError("migrations_unreadable", `${what} ${advice}`, { cause });
}
