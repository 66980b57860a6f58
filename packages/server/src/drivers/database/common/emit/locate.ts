import type { AppMigration } from "../../driver.ts";
import { splitStatements } from "../split-statements.ts";
import type { Finding } from "./finding.ts";
import { tokensOf } from "./home.ts";

/**
 * A finding with the place where the migrations make what it is about, last made if more than once: PostgreSQL doesn't
 * keep it, so the names are looked for in statements that make or change something.
 */
export function located(finding: Finding, migrations: readonly AppMigration[]): Finding {
  for (const name of namesIn(finding.object)) {
    for (const verb of ["create", "alter"]) {
      for (const migration of migrations.toReversed()) {
        const line = lineOf(migration.sql, verb, name);
        if (line !== undefined) return { ...finding, file: migration.name, line };
      }
    }
  }
  return finding;
}

/** `constraint b_a_fkey of "b"` names b_a_fkey, which may be PostgreSQL's invention, and b. */
function namesIn(object: string): string[] {
  const kind =
    /^(materialized view|text search \w+|operator class|event trigger|foreign \w+|default of|rows of|\w+) /;
  const rest = object.replace(kind, "").replace(/\(.*\)$/, "");
  return rest.split(" of ").flatMap((part) => {
    const quoted = part.match(/"(?:[^"]|"")+"/g);
    return quoted ? quoted.map((name) => name.slice(1, -1).replaceAll('""', '"')).reverse() : [part];
  });
}

function lineOf(sql: string, verb: string, name: string): number | undefined {
  for (const { text, offset } of splitStatements(sql)) {
    const parts = tokensOf(text);
    if (parts[0]?.toLowerCase() !== verb) continue;
    const at = parts.findIndex(
      (part) => part === `"${name.replaceAll('"', '""')}"` || part.toLowerCase() === name,
    );
    if (at === -1) continue;
    const before = sql.slice(0, offset) + parts.slice(0, at).join("");
    return before.split("\n").length;
  }
  return undefined;
}
