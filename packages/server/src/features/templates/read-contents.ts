import { createHash } from "node:crypto";
import type { Db } from "../../infra/db/index.ts";
import { invalidField } from "../../kernel/index.ts";
import { selectChunk, type TemplateFileRow, upsertChunk } from "./contents.sql.ts";

/** Keeps a chunk of some template's contents. Repeatable. Throws when it isn't what its name says. */
export async function storeChunk(db: Db, sha256: string, data: Buffer): Promise<void> {
  const actual = createHash("sha256").update(data).digest("hex");
  if (actual !== sha256) throw invalidField("/sha256", `What came has the SHA-256 ${actual}.`);
  await upsertChunk(db, sha256, data);
}

/** The content of a template's file, a chunk at a time. */
export async function* readContent(db: Db, { name, chunks }: TemplateFileRow): AsyncGenerator<Buffer> {
  for (const sha256 of chunks) {
    const data = await selectChunk(db, sha256);
    if (!data) throw new Error(`A chunk of ${name} is gone: ${sha256}.`);
    yield data;
  }
}
