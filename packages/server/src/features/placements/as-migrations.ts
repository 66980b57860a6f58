import { createHash } from "node:crypto";
import type { AppMigration } from "../../drivers/database/index.ts";

/** An application's migrations from the files that somebody gave, in their order. */
export function asMigrations(files: readonly { name: string; sql: string }[]): AppMigration[] {
  return files.map(({ name, sql }, index) => ({
    ...{ ordinal: index + 1, name, sql },
    checksum: createHash("sha256").update(sql).digest("hex"),
  }));
}
