import type { SchemaForm } from "../../driver.ts";
import type { CatalogObject, Column, Extension } from "../catalog/catalog.ts";
import { describe } from "../emit/describe.ts";
import { id, reference } from "../emit/quote.ts";

/** What isn't the schema's: how far rows have counted. */
const leftOut = new Set(["kind", "name", "schema", "table", "columns", "lastValue", "called"]);

/**
 * What things are, each under its name, in a form that is equal for equal schemas: without the order in which they were
 * made, rows, numbers given out, and the name of the schema that is home.
 */
export function formOf(
  catalog: { extensions: readonly Extension[]; objects: readonly CatalogObject[] },
  home: string,
): SchemaForm {
  const form: Record<string, Record<string, string>> = {};
  const add = (name: string, thing: object) => {
    const properties = Object.entries(thing).filter(([key]) => !leftOut.has(key));
    form[asPublic(name, home)] = Object.fromEntries(
      properties.flatMap(([key, value]) => (isNothing(value) ? [] : [[key, asPublic(plain(value), home)]])),
    );
  };
  for (const { name, schema } of catalog.extensions) add(`extension ${name}`, { in: schema });
  for (const object of catalog.objects) {
    add(
      describe(object),
      "columns" in object && object.kind === "constraint" ? withoutOrder(object) : object,
    );
    if (object.kind !== "table") continue;
    for (const column of object.columns)
      add(`column ${reference(object)}.${id(column.name)}`, columnForm(column));
  }
  return form;
}

/** A constraint's definition says which columns, and in which order. */
function withoutOrder({
  columns,
  foreignKey,
  ...rest
}: Extract<CatalogObject, { kind: "constraint" }>): object {
  return rest;
}

function columnForm({ identity, ...rest }: Column): object {
  if (!identity) return rest;
  const { lastValue, called, oid, ...sequence } = identity.sequence as typeof identity.sequence & {
    oid?: number;
  };
  return { ...rest, identity: { ...identity, sequence } };
}

const isNothing = (value: unknown): boolean =>
  value === undefined || value === null || value === false || (Array.isArray(value) && value.length === 0);

function plain(value: unknown): string {
  if (typeof value === "string") return value;
  if (typeof value !== "object" || value === null) return String(value);
  return JSON.stringify(sorted(value));
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).filter(([, each]) => !isNothing(each));
  return Object.fromEntries(
    entries.sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, each]) => [key, sorted(each)]),
  );
}

/** An environment's schema has an opaque name, which stands nowhere but for it. */
function asPublic(text: string, home: string): string {
  return home === "public" ? text : text.replaceAll(home, "public");
}
