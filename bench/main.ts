import { existsSync, readdirSync } from "node:fs";

/** `npm run bench -- <name> [options]`: runs bench/<name>/main.ts. */
const [name] = process.argv.slice(2);
const here = new URL("./", import.meta.url);
const script = new URL(`./${name}/main.ts`, here);
if (name === undefined || !/^[a-z-]+$/.test(name) || !existsSync(script)) {
  const names = readdirSync(here).filter((entry) => existsSync(new URL(`./${entry}/main.ts`, here)));
  process.stderr.write(`Usage: npm run bench -- <${names.join("|")}> [--json]\n`);
  process.exit(2);
}
await import(script.href);
