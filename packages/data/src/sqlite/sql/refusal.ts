/** A statement that isn't run, with the SQLSTATE that PostgreSQL has for it, or 0A000 where the level is at fault. */
export class Refusal extends Error {
  readonly code: string;
  /** Where in the text, counted in characters from 0. */
  readonly location: number | undefined;
  readonly hint: string | undefined;

  constructor(
    code: string,
    message: string,
    options: { location?: number | undefined; hint?: string | undefined } = {},
  ) {
    super(message);
    this.code = code;
    this.location = options.location;
    this.hint = options.hint;
  }
}

/** What SQLite can't hold or do, or what isn't translated. */
export function unsupported(
  construct: string,
  node?: { location?: number | undefined } | undefined,
  hint?: string,
): Refusal {
  return new Refusal("0A000", `${construct} isn't part of the SQL that the level sqlite knows.`, {
    location: node?.location,
    hint,
  });
}

/** A statement by its words, from how the parser calls it: `CREATE AGGREGATE`, `LOCK`. */
export function wordsOf(kind: string, part: object): string {
  const { kind: defined } = part as { kind?: unknown };
  if (kind === "DefineStmt") return `CREATE ${String(defined).replace("OBJECT_", "")}`;
  if (kind === "RuleStmt") return "CREATE RULE";
  const words = kind.replace(/Stmt$/, "").replace(/([a-z])([A-Z])/g, "$1 $2");
  return words.toUpperCase();
}

export function wrong(code: string, message: string, node?: { location?: number | undefined }): Refusal {
  return new Refusal(code, message, { location: node?.location });
}
