import type { ClosingPlace } from "../driver.ts";
import { createGuards, dropGuards, selectGuards, selectOwnTables } from "./close.sql.ts";
import { requirePlaces } from "./directory.ts";
import type { OpenFile } from "./open-file.ts";
import type { SqliteParts } from "./parts.ts";

/**
 * Implements `DatabaseDriver.close`: whoever has the file open can go on reading it, and nothing but that. What is being
 * written is waited for, as writers of a file always wait for each other.
 */
export async function closeFile(parts: SqliteParts, place: ClosingPlace): Promise<void> {
  await withFile(parts, place, async (file) => {
    await file.script([
      ...dropGuards(await selectGuards(file)),
      ...createGuards(await selectOwnTables(file)),
    ]);
  });
}

/** Implements `DatabaseDriver.reopen`. */
export async function reopenFile(parts: SqliteParts, place: ClosingPlace): Promise<void> {
  await withFile(parts, place, async (file) => {
    const guards = await selectGuards(file);
    if (guards.length > 0) await file.script(dropGuards(guards));
  });
}

async function withFile(
  parts: SqliteParts,
  { server, database: { name, encryptionKey } }: ClosingPlace,
  work: (file: OpenFile) => Promise<void>,
): Promise<void> {
  const path = (await requirePlaces(server)).fileOf(name);
  await parts.files({ path, encryptionKey }, work);
}
