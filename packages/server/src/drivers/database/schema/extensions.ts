import { migrationFailed, readMigration } from "../common/migration-file.ts";
import type { Session } from "../common/session.ts";
import { firstWords, type Statement } from "../common/split-statements.ts";
import type { AppMigration } from "../driver.ts";
import { createExtension, selectExtension } from "./containers.sql.ts";

/** Whether a statement is about an extension, which all schemas of a container share. */
export function isAboutExtension(statement: Statement): boolean {
  const words = firstWords(statement, 3);
  if (words[0] === "comment") return words[1] === "on" && words[2] === "extension";
  return ["create", "alter", "drop"].includes(words[0] ?? "") && words[1] === "extension";
}

/** Installs the extensions that migrations ask for, once for the container, if they are of those that anybody may. */
export async function installExtensions(inside: Session, migrations: readonly AppMigration[]): Promise<void> {
  for (const migration of migrations) {
    for (const statement of readMigration(migration).statements) {
      const name = extensionCreated(statement);
      if (name === undefined) continue;
      const facts = await selectExtension(inside, name);
      if (facts?.installed) continue;
      if (!facts?.trusted) {
        throw migrationFailed(
          migration,
          statement.offset,
          facts ? `permission denied to create extension "${name}"` : `extension "${name}" is not available`,
          { remedy: "Leave the statement out, or have a superuser install the extension on the server." },
        );
      }
      await createExtension(inside, name);
    }
  }
}

/** Whether it may make one: then it is worth a connection to look. */
export const createsExtension = ({ sql }: AppMigration): boolean => /\bextension\b/i.test(sql);

function extensionCreated(statement: Statement): string | undefined {
  const words = firstWords(statement, 6);
  if (words[0] !== "create" || words[1] !== "extension") return undefined;
  const name = words[2] === "if" ? words[5] : words[2];
  return name?.startsWith('"') ? name.slice(1, -1).replaceAll('""', '"') : name;
}
