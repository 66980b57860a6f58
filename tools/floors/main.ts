import { join } from "node:path";
import { checkFloors } from "./check.ts";

const root = process.argv[2] ?? join(import.meta.dirname, "../..");
const started = performance.now();
const { fileCount, importCount, violations } = checkFloors(root);

for (const { file, line, rule, message, remedy } of violations) {
  process.stdout.write(`${file}:${line} ${rule}: ${message}\n    Remedy: ${remedy}\n`);
}
const took = `${Math.round(performance.now() - started)} ms`;
process.stdout.write(
  `floors: ${fileCount} files, ${importCount} imports, ${violations.length} violations, ${took}\n`,
);
process.exitCode = violations.length > 0 ? 1 : 0;
