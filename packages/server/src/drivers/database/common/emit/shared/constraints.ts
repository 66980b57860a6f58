import type { ConstraintObject, ForeignKey } from "../../catalog/catalog.ts";
import { addConstraint } from "../objects.ts";
import { id, listOf, reference } from "../quote.ts";
import { hiddenColumn, withHiddenColumn } from "./hidden-column.ts";

/** A constraint within one environment: every key has the hidden column first. */
export function sharedConstraint(constraint: ConstraintObject): string[] {
  switch (constraint.type) {
    case "primary":
    case "unique":
      return addConstraint(constraint, withHiddenColumn(constraint.definition));
    case "exclusion":
      return addConstraint(constraint, withHiddenColumn(constraint.definition, " WITH ="));
    case "foreign":
      return foreignKey(constraint, constraint.foreignKey!);
    case "check":
      return addConstraint(constraint, constraint.definition);
  }
}

function foreignKey(constraint: ConstraintObject, key: ForeignKey): string[] {
  const parts = [
    `foreign key (${id(hiddenColumn)}, ${columns(key.columns, key.period)})`,
    `references ${reference(key.target)} (${id(hiddenColumn)}, ${columns(key.targetColumns, key.period)})`,
    `on update ${key.onUpdate.toLowerCase()} on delete ${onDelete(key)}`,
  ];
  if (constraint.deferrable !== "no") {
    parts.push(`deferrable initially ${constraint.deferrable === "deferred" ? "deferred" : "immediate"}`);
  }
  if (/ NOT ENFORCED$/.test(constraint.definition)) parts.push("not enforced");
  else if (!constraint.validated) parts.push("not valid");
  return [...addConstraint(constraint, parts.join(" ")), ...matchFull(constraint, key)];
}

function columns(names: readonly string[], period: boolean): string {
  if (!period) return listOf(names);
  return [...names.slice(0, -1).map(id), `period ${id(names.at(-1)!)}`].join(", ");
}

/** The row stays its environment's, whatever it pointed to. */
function onDelete(key: ForeignKey): string {
  const action = key.onDelete.toLowerCase();
  if (!action.startsWith("set ")) return action;
  return `${action} (${listOf(key.onDeleteColumns.length > 0 ? key.onDeleteColumns : key.columns)})`;
}

/** The hidden column is never null, so MATCH FULL would allow no null at all: all or none of the others then. */
function matchFull(constraint: ConstraintObject, key: ForeignKey): string[] {
  if (!key.matchFull || key.columns.length < 2) return [];
  const name = id(`${constraint.name}_full`);
  const count = `pg_catalog.num_nulls(${listOf(key.columns)})`;
  return [
    `alter table ${reference(constraint.table)} add constraint ${name} check (${count} in (0, ${key.columns.length}))`,
  ];
}

/** Whether an index is needed that compares uuids where only ranges were compared before. */
export function needsGistOfScalars(constraint: ConstraintObject): boolean {
  if (constraint.type === "exclusion") return /^EXCLUDE USING gist /.test(constraint.definition);
  return / WITHOUT OVERLAPS\)/.test(constraint.definition);
}
