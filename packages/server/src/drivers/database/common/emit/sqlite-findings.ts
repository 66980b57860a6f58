import { translateMigration } from "@tenantry/data";
import type { AppMigration } from "../../driver.ts";
import type { Finding } from "./finding.ts";

/** What of migrations a file couldn't hold, for whoever asks before. */
export async function sqliteFindings(migrations: readonly AppMigration[]): Promise<Finding[]> {
  const found: Finding[] = [];
  let schema: Awaited<ReturnType<typeof translateMigration>>["schema"] | undefined;
  for (const { name: file, sql } of migrations) {
    const { findings, schema: next } = await translateMigration(sql, schema);
    schema = next;
    for (const { message, line, remedy } of findings)
      found.push({
        ...{ file, line, level: "sqlite" as const, severity: "refused" as const },
        object: "statement",
        problem: message,
        remedy: remedy ?? "Write it in SQL that SQLite holds, or choose another level.",
      });
  }
  return found;
}
