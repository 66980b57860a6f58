import type { ClientBase } from "pg";
import { selectExtensionNames } from "../common/catalog/scope.sql.ts";
import { homeName, renameHome, tokensOf } from "../common/emit/home.ts";
import type { MigrationFile } from "../common/migration-file.ts";
import { extensionSchema } from "../common/names.ts";

/**
 * Files as they can run in a schema that keeps its name, with `public.` led there; undefined when one can't: it speaks
 * of schemas in another way, or does something to its session that has to happen in one of its own.
 */
export async function plainHere(
  client: ClientBase,
  schema: string,
  files: readonly MigrationFile[],
): Promise<MigrationFile[] | undefined> {
  const says = files.some(({ migration }) => /public/i.test(migration.sql));
  const names = new Set(says ? await selectExtensionNames(client) : []);
  const placed = files.map((file) => ({
    ...file,
    statements: file.statements.map(({ text, offset }) => ({
      text: says ? renameHome(text, [schema, extensionSchema], (name) => !names.has(name)) : text,
      offset,
    })),
  }));
  return placed.every(isPlain) ? placed : undefined;
}

const particular = new RegExp(
  `\\b(?:${homeName}|schema|search_path|set_config|reset|discard|session\\s+authorization|` +
    "set\\s+(?:local\\s+|session\\s+)?role|(?:create|alter|drop|on)\\s+extension)\\b",
  "i",
);

const isPlain = ({ transactional, statements }: MigrationFile): boolean =>
  transactional && statements.every(({ text }) => !particular.test(withoutComments(text)));

const withoutComments = (text: string): string =>
  tokensOf(text)
    .filter((token) => !token.startsWith("--") && !token.startsWith("/*"))
    .join("");
