import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";

/** Where every Node.js that tests start keeps what it compiled: a start of the server takes half the work with it. */
export const compileCache = path.join(import.meta.dirname, "../node_modules/.cache/compiled");

const programs = ["packages/server/src/entry/start.ts", "packages/cli/src/main.ts"];

/**
 * Fills the cache, once for each installation of the dependencies: it is written when a program ends by itself, and
 * most that tests start are killed. What changes afterwards is compiled as ever.
 */
export async function setup(): Promise<void> {
  if (existsSync(compileCache)) return;
  const urls = programs.map((program) => new URL(`../${program}`, import.meta.url).href);
  const script = `for (const url of ${JSON.stringify(urls)}) await import(url); process.exit(0);`;
  const env = { ...process.env, NODE_COMPILE_CACHE: compileCache };
  await promisify(execFile)(process.execPath, ["--input-type=module", "-e", script], { env });
}
