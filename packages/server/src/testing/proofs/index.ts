import { readdir, readFile } from "node:fs/promises";
import { splitStatements } from "../../drivers/database/common/split-statements.ts";

/** Schemas of applications in six styles, each with a script, for tests of what every level has to hold. */
export const proofNames = ["rental", "quoted", "dumped", "library", "structure", "market"] as const;

export type ProofName = (typeof proofNames)[number];

/** A statement of a script, with its values, and the documented difference that its answer may show. */
export type Step = { text: string; values: unknown[]; difference: string | undefined };

const read = (name: ProofName, file: string): Promise<string> =>
  readFile(new URL(`${name}/${file}`, import.meta.url), "utf8");

export function schemaText(name: ProofName): Promise<string> {
  return read(name, "schema.sql");
}

/** Schemas with migrations that came later, in order, and a script that goes on after them where the first one ended. */
export const followed = ["library", "structure", "market"] as const;

export async function laterOf(name: (typeof followed)[number]): Promise<{ files: string[]; script: Step[] }> {
  const names = await readdir(new URL(`${name}/later/`, import.meta.url));
  const files = await Promise.all(names.sort().map((file) => read(name, `later/${file}`)));
  return { files, script: stepsOf(await read(name, "later.sql")) };
}

/** What the level `shared` refuses, taken out; lines stay where they are. */
export function heldByShared(text: string): string {
  return text.replace(/^-- not at shared \{\n[\s\S]*?^-- \}$/gm, (part) => part.replace(/.*/g, ""));
}

export async function sharedSchemaText(name: ProofName): Promise<string> {
  return heldByShared(await schemaText(name));
}

/**
 * A script of reads and writes, whose answers, errors among them, are the same at every level. What fails comes last: a
 * sequence has given its number out then, and a counter of the level `shared` takes it back. A line `--! […]` before a
 * statement gives its values, `--? name` a documented difference.
 */
export async function scriptOf(name: ProofName): Promise<Step[]> {
  return stepsOf(heldByShared(await wholeScript(name)));
}

/** The same with what the level `shared` doesn't hold. */
export async function wholeScriptOf(name: ProofName): Promise<Step[]> {
  return stepsOf(await wholeScript(name));
}

/** What needs the data path comes before what programs with a login play, too. */
async function wholeScript(name: ProofName): Promise<string> {
  const isPlain = (plainProofs as readonly string[]).includes(name);
  return (isPlain ? await read(name, "more.sql") : "") + (await read(name, "script.sql"));
}

/** Those that programs with a login of their own play, too, which nobody completes statements for. */
export const plainProofs = ["rental", "quoted", "dumped"] as const;

export async function plainScriptOf(name: (typeof plainProofs)[number]): Promise<string[]> {
  return stepsOf(await read(name, "script.sql")).map(({ text }) => text);
}

function stepsOf(text: string): Step[] {
  let from = 0;
  return splitStatements(text).map((statement) => {
    const before = text.slice(from, statement.offset);
    from = statement.offset + statement.text.length;
    const values = /^--! (.*)$/m.exec(before)?.[1];
    return {
      text: statement.text,
      values: values === undefined ? [] : (JSON.parse(values) as unknown[]),
      difference: /^--\? (\S+)$/m.exec(before)?.[1],
    };
  });
}
