import { readFile } from "node:fs/promises";
import path from "node:path";
import { readStandardInput } from "../../confirm.ts";
import { unreadable } from "../../files.ts";
import { type ReadResult, readManifests, type Source } from "../../manifest/read.ts";
import { refusal, wrongUsage } from "../../problem.ts";

/** What the files declare; refuses all of them, with every mistake, when there is one. */
export async function readFiles(names: readonly string[]): Promise<Omit<ReadResult, "mistakes">> {
  if (names.filter((name) => name === "-").length > 1) {
    throw wrongUsage("Standard input can be read once: -f - stands there twice.");
  }
  const sources: Source[] = [];
  for (const name of names) sources.push(await readSource(name));
  const { mistakes, ...read } = readManifests(sources);
  if (mistakes.length === 0) return read;
  const count = mistakes.length === 1 ? "a mistake" : `${mistakes.length} mistakes`;
  throw refusal("file_invalid", `Nothing was done: what is declared has ${count}.`, {
    errors: mistakes.map((message) => ({ pointer: "", message })),
  });
}

async function readSource(name: string): Promise<Source> {
  if (name === "-") return { name: "standard input", text: await readStandardInput() };
  try {
    return { name, text: await readFile(path.resolve(process.cwd(), name), "utf8") };
  } catch (cause) {
    throw unreadable(name, cause);
  }
}
