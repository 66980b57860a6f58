import pg from "pg";
import { fieldsOfLine } from "./seed/copy-text.ts";
import type { Statement } from "./split-statements.ts";

/** Few enough that an error's line, which is the first one's, is near. */
const rowsAStatement = 50;

const head =
  /^copy\s+((?:only\s+)?(?:"(?:[^"]|"")+"|[\w$]+)(?:\s*\.\s*(?:"(?:[^"]|"")+"|[\w$]+))?)\s*(\([^)]*\))?\s*from\s+stdin\s*$/i;

/**
 * `COPY … FROM stdin` with its rows as statements that need no second stream, each standing where its first row does.
 * Other statements, and other formats than the one that dumps have, stay as they are.
 */
export function insertsOf(statement: Statement): Statement[] {
  const [, table, columns = ""] = head.exec(statement.text) ?? [];
  const { rows } = statement;
  if (!rows || table === undefined || hasBytes(rows.text)) return [statement];
  const into = `insert into ${table} ${columns} overriding system value values `;
  const inserts: Statement[] = [];
  let offset = rows.offset;
  let values: string[] = [];
  let at = offset;
  const flush = () => {
    if (values.length > 0) inserts.push({ text: into + values.join(", "), offset, rewritten: true });
    values = [];
    offset = at;
  };
  for (const line of rows.text.split("\n").slice(0, -1)) {
    values.push(`(${fieldsOfLine(line.replace(/\r$/, "")).map(literal).join(", ")})`);
    at += line.length + 1;
    if (values.length === rowsAStatement) flush();
  }
  flush();
  // An empty table is no statement at all.
  return inserts;
}

/** Bytes by number, which dumps don't have and which would have to be put together to characters. */
const hasBytes = (text: string): boolean => /\\[x0-7]/.test(text.replaceAll("\\\\", ""));

const literal = (field: string | null): string => (field === null ? "null" : pg.escapeLiteral(field));
