import { createHash } from "node:crypto";
import type { PgType } from "./pg-type.ts";

export type Column = {
  name: string;
  type: PgType;
  /** The type as PostgreSQL's catalog writes it, where that says more: of a domain its name, of a timestamp its digits. */
  declared?: string;
  notNull: boolean;
  /** In SQLite's SQL. */
  default?: string;
  /** Counted by the table itself: "always" takes no value from a statement. */
  identity?: "always" | "default";
  /** How PostgreSQL calls what counts. */
  sequence?: string;
  /** Computed by SQLite's SQL, and stored. */
  generated?: string;
};

export type Key = { name: string; columns: string[] };
export type Check = { name: string; sql: string };
export type ForeignKey = {
  name: string;
  columns: string[];
  table: string;
  references: string[];
  onDelete: string;
  onUpdate: string;
  deferrable: "no" | "immediate" | "deferred";
};

export type Table = {
  name: string;
  columns: Column[];
  primaryKey?: Key;
  uniques: Key[];
  foreignKeys: ForeignKey[];
  checks: Check[];
};

export type Index = { name: string; table: string; unique: boolean; columns: string[]; sql: string };
export type View = { name: string; columns: { name: string; type: PgType }[]; sql: string };

/** An application's schema as PostgreSQL would have it: what SQLite's own catalog can't tell. Written in the file. */
export type Schema = {
  tables: Record<string, Table>;
  indexes: Record<string, Index>;
  views: Record<string, View>;
  enums: Record<string, string[]>;
  domains: Record<
    string,
    { type: PgType; notNull: boolean; checks: { name: string; sql: string }[]; default?: string }
  >;
};

export function emptySchema(): Schema {
  const none = <Value>(): Record<string, Value> => Object.create(null);
  return { tables: none(), indexes: none(), views: none(), enums: none(), domains: none() };
}

export function readSchema(model: string | undefined): Schema {
  const schema = emptySchema();
  if (model === undefined) return schema;
  const read = JSON.parse(model) as Schema;
  for (const part of Object.keys(schema) as (keyof Schema)[]) Object.assign(schema[part], read[part]);
  return schema;
}

export function cloneSchema(schema: Schema): Schema {
  return readSchema(JSON.stringify(schema));
}

/** The same for schemas that are alike: environments of one application share what was translated. */
export function schemaHash(model: string | undefined): string {
  return createHash("sha256")
    .update(model ?? "")
    .digest("base64url");
}
