import { type Database, TenantPool } from "@tenantry/data";
import type pg from "pg";
import type { Step } from "./index.ts";

export type Answer = { statement: string; difference: string | undefined; answer: unknown };

/** As PostgreSQL writes them: what a driver makes of values isn't asked here. */
const asText = { getTypeParser: () => (value: string) => value } as unknown as pg.CustomTypesConfig;

/**
 * Runs a script as an application does that has one connection, BEGIN and COMMIT among the statements, and answers all
 * that it is told: columns, values, what was done to how many rows, or the error with all that PostgreSQL says of it.
 */
export async function playSteps(database: Database, steps: readonly Step[]): Promise<Answer[]> {
  const client = await new TenantPool(() => database).connect();
  const answers: Answer[] = [];
  for (const { text, values, difference } of steps) {
    const answer = await client.query({ text, values, rowMode: "array", types: asText }).then(
      ({ command, rowCount, fields, rows }) => ({
        command,
        rowCount,
        columns: fields.map(({ name }) => name),
        rows,
      }),
      toldOf,
    );
    answers.push({ statement: text, difference, answer });
  }
  client.release();
  return answers;
}

function toldOf(error: pg.DatabaseError & { name: string }) {
  const { code, message, detail, hint, schema, table, column, dataType, constraint } = error;
  return { code, message, detail, hint, schema, table, column, dataType, constraint };
}
