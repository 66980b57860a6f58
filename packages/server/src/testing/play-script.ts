import type pg from "pg";

/** Runs a script over a connection, statement by statement, and answers rows, or the error's code. */
export async function playScript(
  client: pg.Client,
  script: readonly string[],
): Promise<{ statement: string; answer: unknown }[]> {
  const answers: { statement: string; answer: unknown }[] = [];
  for (const statement of script) {
    const answer = await client.query(statement).then(
      ({ rows, rowCount }) => ({ rows, rowCount }),
      (error: pg.DatabaseError) => ({ code: error.code }),
    );
    answers.push({ statement, answer });
  }
  return answers;
}
