/**
 * Everything that an application's migrations made in a database, in the words of PostgreSQL itself. Definitions are
 * rendered as seen from the application's home schema: what lies there bears no schema's name, so the same text makes
 * the same thing in another schema. Two databases with equal catalogs hold the same.
 */
export type Catalog = {
  extensions: Extension[];
  /** In an order in which they can be made. */
  objects: CatalogObject[];
  /** What the migrations left in tables. */
  rows: TableRows[];
  /** Things of kinds that can't be made again from here. */
  unsupported: { kind: string; name: string }[];
};

export type Extension = { name: string; schema: string; trusted: boolean };

/** A thing with a name of its own. */
export type Named = {
  /** Undefined for the home schema. */
  schema: string | undefined;
  name: string;
  comment: string | undefined;
};

/** A table that something belongs to. */
export type Place = Pick<Named, "schema" | "name">;

export type SchemaObject = { kind: "schema"; name: string; comment: string | undefined };
export type EnumType = Named & { kind: "enum"; labels: string[] };
export type DomainType = Named & {
  kind: "domain";
  baseType: string;
  collation: string | undefined;
  default: string | undefined;
  notNull: boolean;
  checks: { name: string; definition: string }[];
};
export type CompositeType = Named & {
  kind: "composite";
  attributes: { name: string; type: string; collation: string | undefined }[];
};
export type RangeType = Named & { kind: "range"; options: string[] };

export type SequenceOptions = {
  dataType: string;
  start: string;
  increment: string;
  minimum: string;
  maximum: string;
  cache: string;
  cycle: boolean;
  /** Where it stands; `called` says whether the last value was given out already. */
  lastValue: string;
  called: boolean;
};
export type SequenceObject = Named &
  SequenceOptions & { kind: "sequence"; ownedBy: { table: Place; column: string } | undefined };

export type Column = {
  name: string;
  type: string;
  notNull: boolean;
  collation: string | undefined;
  identity: { always: boolean; sequence: Place & SequenceOptions } | undefined;
  generated: { expression: string; stored: boolean } | undefined;
  /** False when a parent table brings it. */
  local: boolean;
  /** How closely it is sampled, when that isn't the server's default. */
  statistics: number | undefined;
  comment: string | undefined;
};
export type TableObject = Named & {
  kind: "table";
  unlogged: boolean;
  columns: Column[];
  partitionKey: string | undefined;
  /** The parent that it is a partition of, and for which rows. */
  partitionOf: { parent: Place; bound: string } | undefined;
  inherits: Place[];
  options: string[];
  rowSecurity: "off" | "on" | "forced";
  /** Its rows are identified for replication in another way than by the primary key: `full` or `nothing`. */
  replicaIdentity: "full" | "nothing" | undefined;
};
export type DefaultObject = {
  kind: "default";
  table: Place;
  column: string;
  expression: string;
  /** The sequence, when the default is its next value and nothing else. */
  sequence: Place | undefined;
};
export type ForeignKey = {
  columns: string[];
  target: Place;
  targetColumns: string[];
  onUpdate: string;
  onDelete: string;
  /** Of ON DELETE SET NULL or SET DEFAULT: the columns set, when not all. */
  onDeleteColumns: string[];
  matchFull: boolean;
  period: boolean;
};
export type ConstraintObject = {
  kind: "constraint";
  type: "primary" | "unique" | "foreign" | "check" | "exclusion";
  table: Place;
  name: string;
  definition: string;
  columns: string[];
  foreignKey: ForeignKey | undefined;
  deferrable: "no" | "immediate" | "deferred";
  validated: boolean;
  comment: string | undefined;
};
export type IndexObject = Named & {
  kind: "index";
  table: Place;
  unique: boolean;
  method: string;
  /** From the method on: `btree (lower(name)) WHERE active`. */
  definition: string;
  /** Whether PostgreSQL may look conditions up in it that a policy hasn't been asked about. */
  leakproof: boolean;
  /** How closely its expressions are sampled, where that isn't the server's default, by their place from 1. */
  statistics: { column: number; target: number }[];
};
export type ViewObject = Named & {
  kind: "view" | "materialized-view";
  definition: string;
  options: string[];
  populated: boolean;
  /** It groups by a table's key alone, relying on that key for the other columns. */
  reliesOnKey: string | undefined;
};
export type RoutineObject = Named & {
  kind: "function" | "procedure";
  /** Argument types, as they tell it from others of its name. */
  arguments: string;
  /** The text between its name and its body: arguments, result, language and properties, without SET clauses. */
  header: string;
  /** Undefined for a body in the SQL standard's form, which the header then ends with. */
  body: string | undefined;
  /** `search_path=public`, as PostgreSQL keeps them. */
  settings: string[];
  /** Its result has the form of a table's rows. */
  returnsRows: boolean;
  securityDefiner: boolean;
  language: string;
  reliesOnKey: string | undefined;
};
export type TriggerObject = {
  kind: "trigger";
  table: Place;
  name: string;
  definition: string;
  /** `O` as usual, `D` disabled, `R` replica, `A` always. */
  enabled: string;
  comment: string | undefined;
};
export type PolicyObject = {
  kind: "policy";
  table: Place;
  name: string;
  permissive: boolean;
  command: string;
  /** Roles other than PUBLIC. */
  roles: string[];
  using: string | undefined;
  check: string | undefined;
};
export type StatisticsObject = Named & { kind: "statistics"; definition: string; target: number | undefined };

export type CatalogObject =
  | SchemaObject
  | EnumType
  | DomainType
  | CompositeType
  | RangeType
  | SequenceObject
  | TableObject
  | DefaultObject
  | ConstraintObject
  | IndexObject
  | ViewObject
  | RoutineObject
  | TriggerObject
  | PolicyObject
  | StatisticsObject;

/** Values as literals that their column's type reads back exactly. */
export type TableRows = { table: Place; columns: string[]; rows: string[][] };
