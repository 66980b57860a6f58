import pg from "pg";
import type { Place } from "../catalog/catalog.ts";

export const id = pg.escapeIdentifier;
export const text = pg.escapeLiteral;

/** A thing as it is named from the application's home schema. */
export function reference(place: Place): string {
  return place.schema === undefined ? id(place.name) : `${id(place.schema)}.${id(place.name)}`;
}

export const listOf = (names: readonly string[]): string => names.map(id).join(", ");
