import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const workspace = fileURLToPath(new URL("../../", import.meta.url));

/** Where the committed report of a package stands. */
export function reportFile(folder: string): string {
  return path.join(workspace, folder, "api-report.txt");
}

/**
 * The public shapes of a package: the declarations of its front doors and of all that they name, without comments. It is
 * committed, so that a change of what others build on shows in the diff.
 */
export async function apiReport(folder: string): Promise<string> {
  const { exports } = JSON.parse(await readFile(path.join(workspace, folder, "package.json"), "utf8"));
  const doors = Object.values(exports as Record<string, string>).map((door) => path.join(folder, door));
  const directory = await mkdtemp(path.join(tmpdir(), "tenantry-api-report-"));
  try {
    await emitDeclarations(doors, directory);
    const files = await reachable(directory, doors.map(declarationOf));
    const parts = [...files].sort(([left], [right]) => left.localeCompare(right));
    return parts.map(([file, text]) => `// ${path.relative(folder, file)}\n${shapesOnly(text)}\n`).join("\n");
  } finally {
    await rm(directory, { recursive: true });
  }
}

async function emitDeclarations(doors: readonly string[], directory: string): Promise<void> {
  const options = ["--ignoreConfig", "--declaration", "--emitDeclarationOnly", "--rootDir", "."];
  const language = [
    "--module",
    "nodenext",
    "--target",
    "esnext",
    "--strict",
    "--skipLibCheck",
    "--types",
    "node",
  ];
  const tsc = path.join(workspace, "node_modules/.bin/tsc");
  const all = [...options, ...language, "--allowImportingTsExtensions", "--outDir", directory, ...doors];
  await promisify(execFile)(tsc, all, { cwd: workspace });
}

/** The declarations of the doors, and of every file of the package that they import, by path. */
async function reachable(directory: string, doors: readonly string[]): Promise<Map<string, string>> {
  const files = new Map<string, string>();
  const waiting = [...doors];
  for (let file = waiting.pop(); file !== undefined; file = waiting.pop()) {
    if (files.has(file)) continue;
    const text = await readFile(path.join(directory, file), "utf8");
    files.set(file, text);
    for (const [, name] of text.matchAll(/(?:from|import\() ?"(\.[^"]+)"/g)) {
      waiting.push(declarationOf(path.join(path.dirname(file), name!)));
    }
  }
  return files;
}

function declarationOf(file: string): string {
  return path.normalize(file).replace(/\.ts$/, ".d.ts");
}

function shapesOnly(text: string): string {
  return text
    .replace(/\/\*[\s\S]*?\*\//g, "")
    .replace(/^\s*\/\/.*$/gm, "")
    .replace(/^export \{\};$/gm, "")
    .replace(/\n\s*\n/g, "\n")
    .trim();
}
