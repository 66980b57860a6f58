import { readFile } from "node:fs/promises";

/** Schemas of applications in different styles, for tests of what every level has to hold. */
export const schemaNames = ["rental", "quoted", "dumped"] as const;

export type SchemaName = (typeof schemaNames)[number];

export function schemaText(name: SchemaName): Promise<string> {
  return readFile(new URL(`schemas/${name}.sql`, import.meta.url), "utf8");
}
