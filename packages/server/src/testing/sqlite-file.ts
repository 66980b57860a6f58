import { openSqlite } from "@tenantry/data";

type Rows = Record<string, unknown>[];

/** A file as its environment's application has it, until it is disposed of. */
export async function openTestFile(place: { file: string; encryptionKey?: string | undefined }) {
  const database = await openSqlite(place);
  return {
    /** Answers the last statement's rows. */
    async run(...statements: string[]): Promise<Rows> {
      let rows: Rows = [];
      for (const statement of statements) ({ rows } = await database.query(statement));
      return rows;
    },
    [Symbol.asyncDispose]: () => database.close(),
  };
}

export async function runInFile(
  place: { file: string; encryptionKey?: string | undefined },
  ...statements: string[]
): Promise<Rows> {
  await using file = await openTestFile(place);
  return await file.run(...statements);
}
