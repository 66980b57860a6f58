import { openSqlite } from "@tenantry/data";
import type pg from "pg";

/** Plays a script, statement by statement, and answers rows, or the error's code. */
export async function playScript(
  query: (statement: string) => Promise<{ rows: unknown[]; rowCount: number | null }>,
  script: readonly string[],
): Promise<{ statement: string; answer: unknown }[]> {
  const answers: { statement: string; answer: unknown }[] = [];
  for (const statement of script) {
    const answer = await query(statement).then(
      ({ rows, rowCount }) => ({ rows, rowCount }),
      (error: pg.DatabaseError) => ({ code: error.code }),
    );
    answers.push({ statement, answer });
  }
  return answers;
}

/** The same in a file, as its environment's application does. */
export async function playInFile(
  place: { file: string; encryptionKey?: string | undefined },
  script: readonly string[],
) {
  const database = await openSqlite(place);
  try {
    return await playScript((statement) => database.query(statement), script);
  } finally {
    await database.close();
  }
}
