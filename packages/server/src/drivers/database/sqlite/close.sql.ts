import type { OpenFile } from "./open-file.ts";

const id = (name: string): string => `"${name.replaceAll('"', '""')}"`;
const prefix = "tenantry_closed_";

/** The application's tables. */
export async function selectOwnTables({ rows }: Pick<OpenFile, "rows">): Promise<string[]> {
  const found = await rows(
    `select name from sqlite_master where type = 'table' and name not like 'sqlite\\_%' escape '\\'
       and name not like 'tenantry\\_%' escape '\\' order by name`,
  );
  return found.map(([name]) => String(name));
}

/** What keeps rows from being written. */
export async function selectGuards({ rows }: Pick<OpenFile, "rows">): Promise<string[]> {
  const found = await rows(
    `select name from sqlite_master where type = 'trigger' and substr(name, 1, ${prefix.length}) = '${prefix}'`,
  );
  return found.map(([name]) => String(name));
}

export const dropGuards = (names: readonly string[]): string[] =>
  names.map((name) => `drop trigger if exists ${id(name)}`);

/** Refuses every change of a row, whoever makes it. */
export function createGuards(tables: readonly string[]): string[] {
  return tables.flatMap((table) =>
    (["insert", "update", "delete"] as const).map(
      (change) => `create trigger ${id(`${prefix}${change}_${table}`)} before ${change} on ${id(table)}
        begin select raise(abort, 'the environment is moving, or has moved'); end`,
    ),
  );
}
