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
    // What a statement is about comes before what it mentions: a table `b` before another one's column `b`.
    for (const find of [subjectAt, mentionAt]) {
      for (const verb of ["create", "alter"]) {
        for (const migration of migrations.toReversed()) {
          const line = lineOf(migration.sql, verb, (parts) => find(parts, name));
          if (line !== undefined) return { ...finding, file: migration.name, line };
        }
      }
    }
  }
  return unnamedIndexAt(finding, migrations) ?? finding;
}

/** PostgreSQL calls an index without a name by its table and first column: `notes_body_idx`. B-trees aren't found. */
function unnamedIndexAt(finding: Finding, migrations: readonly AppMigration[]): Finding | undefined {
  const index = /^index "(.*)"$/.exec(finding.object)?.[1];
  if (index === undefined) return undefined;
  const unnamed =
    /^create\s+(?:unique\s+)?index\s+(?:concurrently\s+)?on\s+(?:only\s+)?(?:"?public"?\.)?("?)([^\s("]+)\1\s*using\s+\w+\s*\(\s*"?(\w*)/i;
  for (const migration of migrations.toReversed()) {
    for (const { text, offset } of splitStatements(migration.sql)) {
      const [, , table, column] = unnamed.exec(text) ?? [];
      if (table === undefined || !index.startsWith(`${table}_${column}`.toLowerCase())) continue;
      const line = migration.sql.slice(0, offset).split("\n").length;
      return { ...finding, file: migration.name, line };
    }
  }
  return undefined;
}

/** `constraint b_a_fkey of "b"` names b_a_fkey, which may be PostgreSQL's invention, and b. */
function namesIn(object: string): string[] {
  const kind =
    /^(materialized view|table of a type|text search \w+|operator class|event trigger|foreign \w+|default of|rows of|\w+) /;
  const rest = object.replace(kind, "").replace(/\(.*\)$/, "");
  return rest.split(" of ").flatMap((part) => {
    const quoted = part.match(/"(?:[^"]|"")+"/g);
    return quoted ? quoted.map((name) => name.slice(1, -1).replaceAll('""', '"')).reverse() : [part];
  });
}

function lineOf(sql: string, verb: string, find: (parts: readonly string[]) => number): number | undefined {
  for (const { text, offset } of splitStatements(sql)) {
    const parts = tokensOf(text);
    if (parts[0]?.toLowerCase() !== verb) continue;
    const at = find(parts);
    if (at === -1) continue;
    const before = sql.slice(0, offset) + parts.slice(0, at).join("");
    return before.split("\n").length;
  }
  return undefined;
}

const isNamed = (part: string | undefined, name: string): boolean =>
  part === `"${name.replaceAll('"', '""')}"` || part?.toLowerCase() === name;

/** Where a name stands that is all a statement's first words lead to: `create or replace view public.name`. */
function subjectAt(parts: readonly string[], name: string): number {
  const kind =
    /^(create|alter|or|replace|unlogged|recursive|unique|only|if|not|exists|constraint|public|"public"|table|view|materialized|index|concurrently|sequence|type|domain|function|procedure|aggregate|trigger|rule|schema|collation|policy|statistics|text|search|configuration|dictionary|\.|\s+|--.*|\/\*[\s\S]*)$/i;
  const at = parts.findIndex((part, index) => !kind.test(part) || (index > 0 && isNamed(part, name)));
  return at !== -1 && isNamed(parts[at], name) ? at : -1;
}

/** Operators are named by signs, each of which is a part of its own. */
function mentionAt(parts: readonly string[], name: string): number {
  if (/^[\w"]/.test(name) || /[\u0080-\uffff]/.test(name))
    return parts.findIndex((part) => isNamed(part, name));
  return parts.findIndex((_part, index) => parts.slice(index, index + name.length).join("") === name);
}
