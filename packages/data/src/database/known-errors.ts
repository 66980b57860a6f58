import type { DatabaseLevel } from "@tenantry/contract";
import pg from "pg";

const ownSchema = /\btns_[0-9a-z]{26}\b/g;

const parts = ["message", "detail", "hint", "where", "schema"] as const;

/** An error in the words that an application knows: at the level `schema` its schema isn't called what it calls it. */
export function asKnown(error: unknown, level: DatabaseLevel | undefined): unknown {
  if (level !== "schema" || !(error instanceof pg.DatabaseError)) return error;
  for (const part of parts) {
    const words = error[part];
    if (words !== undefined) error[part] = words.replace(ownSchema, "public");
  }
  return error;
}
